"""Which encoding of a page is sent, and whether the client has it already. Pure."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from functools import lru_cache

import brotli

PLAIN = ""
COMPRESSIBLE = re.compile(r"text/|application/(?:json|feed\+json|atom\+xml|xml|javascript)|image/svg\+xml")
LEAST = 256  # bytes; what is shorter gains nothing
_BETTER_FIRST = ("br", "gzip")
_TAG = re.compile(r'(?:W/)?"([^"]*)"|(\*)')


@lru_cache(maxsize=256)
def encoding(accepted: str) -> str:
    """The best encoding that an Accept-Encoding header takes; "" for none.

    Source: RFC 9110, 12.5.3; a weight that is no number counts as 0.
    """
    weights = dict(_weighed(part) for part in accepted.lower().split(",") if part.strip())
    others = weights.get("*", 0.0)
    best = max(_BETTER_FIRST, key=lambda name: weights.get(name, others))  # of equals, the first
    return best if weights.get(best, others) > 0 else PLAIN


def _weighed(part: str) -> tuple[str, float]:
    name, _, parameters = part.strip().partition(";")
    _, given, weight = parameters.partition("q=")
    try:
        return name.strip(), float(weight) if given else 1.0
    except ValueError:
        return name.strip(), 0.0


def _gzip(body: bytes) -> bytes:
    """The same bytes whenever it is made: without the time that gzip writes down."""
    packed = zlib.compressobj(6, zlib.DEFLATED, 31)
    return packed.compress(body) + packed.flush()


ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "br": lambda body: bytes(brotli.compress(body, mode=brotli.MODE_TEXT, quality=6)),
    "gzip": _gzip,
}


def tag(etag: str, encoded: str) -> str:
    """The entity tag of a page in an encoding: bytes that differ have tags that differ. etag: without quotes."""
    return f'"{etag}-{encoded}"' if encoded else f'"{etag}"'


def plain_tags(header: str) -> str:
    """An If-None-Match as the application knows it: the tags of encoded pages as those of the pages themselves."""
    return re.sub(rf'-(?:{"|".join(ENCODERS)})"', '"', header)


def matches(header: str, etag: str) -> bool:
    """Whether an If-None-Match names a page in any of its encodings: they say the same."""
    return any(star or name == etag for name, star in _TAG.findall(plain_tags(header)))
