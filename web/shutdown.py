"""Going away in order: finish what runs, then send every peer elsewhere, spread over some seconds."""

import logging
import time

import gevent

from web.close_codes import CloseCode
from web.dispatcher import Dispatcher
from web.registry import Registry

_log = logging.getLogger(__name__)

_LOOK_S = 0.05
#: A silent ledger may hold up the last jobs so long, s, not the goodbyes.
_DRAINING_S = 5.0
#: Closing takes this long at most, so that with SHUTDOWN_S (20 s) the process is gone within 25 s.
_CLOSING_S = 1.5
#: A little longer than a connection waits for the answer to its close frame.
_GOODBYE_S = 2.5


class Shutdown:
    """What happens between SIGTERM and the end of the process."""

    def __init__(self, dispatcher: Dispatcher, registry: Registry) -> None:
        self.dispatcher = dispatcher
        self._registry = registry
        self.begun = False
        """From then on the process is not ready and lets nobody in."""

    def run(self) -> None:
        """Do all of it, once; returns when the last socket is closed or the time is over."""
        self.begun = True
        self.dispatcher.presence.leave()
        settings = self.dispatcher.settings
        self._registry.refuse(settings.restart_spread_s)
        _log.info("shutting down: %s sockets, finishing what runs", len(self._registry))
        until_s = time.monotonic() + settings.shutdown_s
        sessions = list(self.dispatcher.peers.sessions.values())
        drains = [gevent.spawn(self.dispatcher.sessions.drain, link) for link in sessions]
        gevent.joinall(drains, timeout=_DRAINING_S)
        self.dispatcher.nodes.hold_back()
        while self.dispatcher.peers.busy and time.monotonic() < until_s:
            gevent.sleep(_LOOK_S)
        self._registry.close_all(CloseCode.RESTART, self._goodbye, _CLOSING_S)
        self._registry.wait_empty(_GOODBYE_S)
        self.dispatcher.stop()

    def _goodbye(self, place: float) -> str:
        """Tell a peer when to come back: evenly spread by its place (0..1), so that nobody is stormed."""
        back_in_s = 1 + self.dispatcher.settings.restart_spread_s * place
        return f"restart, come back in {back_in_s:.1f} s"
