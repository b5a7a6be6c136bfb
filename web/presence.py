"""Once a second: this process says what it holds, and notes the cell's totals to tell rates from them."""

import logging
import os
import socket
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from importlib.metadata import version

import gevent

from scheduling.errors import StoreError
from scheduling.instances import OVERLOADED, Instance, Power, Usage, announce, power_left
from scheduling.languages import fold, is_auto
from scheduling.ledger import Ledger
from scheduling.ledger.codes import LedgerError
from scheduling.metrics import Reading
from scheduling.metrics.announced import announcement
from scheduling.metrics.definitions import MOST_SERVICES
from scheduling.totals import Totals, read_totals
from scheduling.workers import read_workers
from web.metrics.load import Load
from web.node_link import NodeLink
from web.peers import Peers
from web.session_link import SessionLink
from web.usage import UsageBook

_log = logging.getLogger(__name__)

_PERIOD_S = 1.0
#: Rates are taken over this time, s.
WINDOW_S = 10.0
#: Languages told of one process; those of most sessions.
_MOST_LANGUAGES = 64


class Presence:
    """Sampling costs three round trips a second, however many ask for the rates; four with usage to tell."""

    def __init__(
        self,
        ledger: Ledger,
        instance: str,
        peers: Peers,
        refused: Mapping[str, int],
        generation: Callable[[], int],
        usage: UsageBook,
    ) -> None:
        self._ledger = ledger
        self._peers = peers
        self.refused = refused
        """Utterances that took no order number, by error code."""
        self._told = self._told_overloaded = 0
        self._samples: deque[tuple[float, Totals]] = deque()
        self.started_ms = time.time_ns() // 1_000_000
        self._instance = instance
        self._generation = generation
        self._usage = usage
        self.leaving = False
        """This process is about to end."""
        self.load = Load()
        self.measure: Callable[[], Reading] | None = None
        """Gives what this process counts, once there is somebody to count it (`web/metrics/process.py`)."""
        self.workers: dict[str, int] = {}
        """Background workers heard lately, by queue."""

    def run(self) -> None:
        """Do it for ever; a store that cannot be reached leaves a gap."""
        while True:
            self.load.look()
            self._sample_if_possible()
            gevent.sleep(_PERIOD_S)

    def leave(self) -> None:
        """Say at once, not waiting for it, that this process is about to end."""
        self.leaving = True
        gevent.spawn(self._sample_if_possible)

    def _sample_if_possible(self) -> None:
        try:
            self.sample()
        except (StoreError, LedgerError) as error:
            _log.debug("the presence is not renewed: %s", error)

    def sample(self) -> None:
        """Do it once."""
        refused = sum(self.refused.values())
        overloaded = sum(self.refused.get(code, 0) for code in OVERLOADED)
        measured = announcement(self._ledger.keys, self._instance, self.measure()) if self.measure else ()
        announce(
            self._ledger.cell,
            self.describe(),
            refused - self._told,
            overloaded - self._told_overloaded,
            measured,
        )
        self._told, self._told_overloaded = refused, overloaded
        self._usage.settle()
        totals = read_totals(self._ledger.cell)
        self._samples.append((time.monotonic(), totals))
        self.workers = read_workers(self._ledger.cell, totals.now_ms)
        while self._samples[-1][0] - self._samples[0][0] > WINDOW_S:
            self._samples.popleft()

    def window(self) -> tuple[Totals, Totals, float]:
        """Give the totals at both ends of the last seconds, and how far they are apart (s)."""
        if not self._samples:
            return Totals(), Totals(), 0.0
        (first_s, first), (last_s, last) = self._samples[0], self._samples[-1]
        return first, last, last_s - first_s

    def marked(self) -> dict[str, int]:
        """Give the services that most nodes here are marked to lack now, 20 at most, with the nodes."""
        marks = Counter(name for link in self._peers.nodes.values() for name in link.marks.active())
        return dict(marks.most_common(MOST_SERVICES))

    def describe(self) -> Instance:
        """Tell who this process is and what it holds."""
        nodes, sessions = list(self._peers.nodes.values()), list(self._peers.sessions.values())
        return Instance(
            instance_id=self._instance,
            hostname=socket.gethostname(),
            pid=os.getpid(),
            version=version("speech-dispatch"),
            started_at_ms=self.started_ms,
            generation=self._generation(),
            leaving=self.leaving,
            sessions=len(sessions),
            nodes=len(nodes),
            languages=_languages(sessions),
            services=_services(nodes),
            services_in_use=_services([link for link in nodes if link.attempts]),
            power=_power(nodes),
            busy=round(self.load.busy, 3),
            refused=dict(self.refused),
        )


def _languages(sessions: list[SessionLink]) -> dict[str, Usage]:
    sources = Counter(fold(link.init.src_lang) for link in sessions if not is_auto(link.init.src_lang))
    targets = Counter(fold(link.init.tgt_lang) for link in sessions)
    return {
        name: Usage(as_source=sources[name], as_target=targets[name])
        for name, _ in (sources + targets).most_common(_MOST_LANGUAGES)
    }


def _services(nodes: list[NodeLink]) -> dict[str, int]:
    return dict(Counter(service for link in nodes for service in link.capability.services))


def _power(nodes: list[NodeLink]) -> Power:
    found = [_power_of(link) for link in nodes]
    return Power(
        cpu=round(sum(power.cpu for power in found), 2),
        gpu=round(sum(power.gpu for power in found), 2),
        memory=round(sum(power.memory for power in found), 2),
    )


def _power_of(link: NodeLink) -> Power:
    """Give what a node has left, by its last heartbeat; nothing before the first."""
    if link.hardware is None or link.last_beat is None:
        return Power()
    return power_left(link.hardware, link.last_beat.resource_usage)
