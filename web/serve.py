"""The web process: gunicorn with gevent workers, patched before anything imports a socket."""

from gevent import monkey

monkey.patch_all()

import gc  # noqa: E402
import signal  # noqa: E402
import sys  # noqa: E402
from typing import Any  # noqa: E402

import gevent  # noqa: E402
from flask import Flask  # noqa: E402
from gevent.server import StreamServer  # noqa: E402
from gunicorn.app.base import BaseApplication  # noqa: E402
from gunicorn.arbiter import Arbiter  # noqa: E402

from scheduling import redaction, tracing  # noqa: E402
from scheduling.credentials import BadCredentials  # noqa: E402
from scheduling.credentials.source import require_closed  # noqa: E402
from scheduling.ledger.codes import SchemaMismatch  # noqa: E402
from scheduling.ledger.layout import require_layout  # noqa: E402
from scheduling.logs import configure_logs  # noqa: E402
from scheduling.settings import Settings, SettingsError, get_settings  # noqa: E402
from tasks.configuration import make_app  # noqa: E402
from web.app import create_app  # noqa: E402
from web.dispatcher import Dispatcher  # noqa: E402

#: Connections accepted in one turn of the event loop, for gevent's 100. In a storm the others wait in the
#: kernel, at no cost, while those who are in are served.
_ACCEPTED_AT_ONCE = 4
#: Objects made since the last look for unreachable cycles, of which this process makes hardly any: ten
#: thousand connections are looked through by each, and everybody waits for that.
_CYCLES_AFTER = (20_000, 20, 50)
#: Beyond SHUTDOWN_S and the goodbyes; then gunicorn ends the worker.
_GRACE_BEYOND_S = 5


class WebApplication(BaseApplication):  # type: ignore[misc]  # an untyped package
    """gunicorn configured from our settings, without files or a command line."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        super().__init__()

    def load_config(self) -> None:
        """Give gunicorn its options."""
        settings = self._settings
        options: dict[str, Any] = {
            "bind": f"{settings.host}:{settings.port}",
            "workers": settings.web_concurrency,
            "worker_class": "gevent",
            "worker_connections": settings.max_connections,
            "backlog": 4096,
            # Sockets live long: no restarts after so many requests, and no time limit on a request.
            "max_requests": 0,
            "timeout": 60,
            "keepalive": settings.request_head_s,
            "graceful_timeout": int(settings.shutdown_s) + _GRACE_BEYOND_S,
            "post_worker_init": _start_worker,
            "proc_name": "speech-dispatch-web",
            "loglevel": settings.log_level.lower(),
            "logger_class": "web.access_log.PlainLogger",
            "accesslog": "-" if settings.access_log else None,
            "control_socket_disable": True,
        }
        for name, value in options.items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)

    def load(self) -> Flask:
        """Build the application; runs in the worker."""
        tracing.start("web")
        dispatcher = Dispatcher(self._settings, make_app(self._settings))
        dispatcher.start()
        return create_app(self._settings, dispatcher)


def _start_worker(worker: Any) -> None:
    """Put our shutdown before gunicorn's: it would hold open sockets for its grace, then cut them."""
    StreamServer.max_accept = _ACCEPTED_AT_ONCE
    gc.collect()
    gc.freeze()  # what was imported stays
    gc.set_threshold(*_CYCLES_AFTER)
    shutdown = worker.wsgi.extensions["shutdown"]
    dispatcher = shutdown.dispatcher

    def end() -> None:
        # Platforms signal every process, and then gunicorn signals its worker again: once is enough.
        if not shutdown.begun:
            try:
                shutdown.run()
            finally:
                worker.alive = False
            # gunicorn would notice within a second or two, which we do not have; it ends with a worker that
            # must not be started again.
            sys.exit(Arbiter.WORKER_BOOT_ERROR if dispatcher.refused else 0)

    gevent.signal_handler(signal.SIGTERM, lambda: gevent.spawn(end))
    gevent.signal_handler(signal.SIGINT, lambda: gevent.spawn(end))


def main() -> None:
    """Serve until SIGTERM."""
    try:
        settings = get_settings()
        require_closed(settings, settings.host)
        require_layout(settings)
    except (SettingsError, SchemaMismatch, BadCredentials) as error:
        sys.exit(f"speech-dispatch web: {error}")
    redaction.install()
    configure_logs(settings.log_level, settings.log_format)
    WebApplication(settings).run()


if __name__ == "__main__":
    main()
