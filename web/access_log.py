"""gunicorn's own loggers: they write where all others do, and requests are told without their query."""

from datetime import timedelta
from typing import Any

from gunicorn.glogging import Logger


class PlainLogger(Logger):  # type: ignore[misc]  # an untyped package
    """Gives what gunicorn has to say to the handlers of this process."""

    def setup(self, cfg: Any) -> None:
        """Take gunicorn's handlers away; `scheduling.logs` has set up the one there is."""
        super().setup(cfg)
        for log in (self.error_log, self.access_log):
            log.handlers.clear()
            log.propagate = True

    def access(self, resp: Any, req: Any, environ: dict[str, Any], request_time: timedelta) -> None:
        """Tell of one request that was answered; never what follows the question mark: it may be secret."""
        if not self.access_log_enabled:
            return
        path = environ.get("PATH_INFO", "")
        fields = {
            "method": environ.get("REQUEST_METHOD", ""),
            "path": path[:200],
            "status": str(getattr(resp, "status", "")).partition(" ")[0],
            "ms": round(request_time.total_seconds() * 1000, 1),
        }
        self.access_log.info("request answered", extra=fields)
