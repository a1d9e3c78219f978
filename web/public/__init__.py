"""The public site: what each policy says, said, and will say."""

from flask import Blueprint

blueprint = Blueprint("public", __name__)

from web.public import chain as chain  # noqa: E402
from web.public import feeds as feeds  # noqa: E402
from web.public import listing as listing  # noqa: E402
from web.public import news as news  # noqa: E402
from web.public import subscriptions as subscriptions  # noqa: E402
from web.public import views  # noqa: E402, F401
