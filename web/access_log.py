"""gunicorn's own logs, without the tokens that stand in addresses and without anybody's e-mail address."""

from __future__ import annotations

from typing import Any

from gunicorn.glogging import Logger

from notifier.logs import WithoutAddresses


class AccessLog(Logger):  # type: ignore[misc]
    """What `gazette serve` has gunicorn log through, whichever log its options ask for."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        for log in (self.error_log, self.access_log):
            log.addFilter(WithoutAddresses())
