"""What one web process counts, read where it is counted: nothing here is on the way of an utterance."""

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, get_args

from scheduling.cutter import CutReason
from scheduling.instances import OVERLOADED
from scheduling.metrics import Reading
from scheduling.metrics.process import note_process
from scheduling.store.stats import Histogram
from tasks.names import CONTROL, DRAIN
from web.close_codes import CloseCode
from web.dispatcher import Dispatcher
from web.publisher import Broker
from web.socket_routes import Sockets
from web.tallies import efficiencies

_EVENTS = ("calls", "flushes", "connects", "losses", "repeats", "timeouts", "refusals")
_CODES = frozenset(map(int, CloseCode))
_CLASSES = ("0.2", "0.4", "0.6", "0.8", "1")


class ProcessCounts:
    """Reads the counters of a web process."""

    def __init__(self, dispatcher: Dispatcher, sockets: Sockets) -> None:
        self._dispatcher = dispatcher
        self._sockets = sockets

    def read(self) -> Reading:
        """Give all of them now; asks nobody."""
        reading = Reading()
        note_process(reading, "web", self._dispatcher.presence.started_ms)
        self._note_times(reading)
        self._note_link(reading)
        self._note_peers(reading)
        self._note_background(reading)
        self._note_nodes(reading)
        return reading

    def _note_times(self, reading: Reading) -> None:
        timings, load = self._dispatcher.timings, self._dispatcher.presence.load
        for flow, histogram in timings.flows.items():
            reading.classes("flow_seconds", histogram, flow)
        reading.classes("first_audio_seconds", timings.first_audio)
        reading.classes("queue_wait_seconds", timings.queue_wait)
        reading.classes("event_loop_lag_seconds", load.lag)
        reading.set("busy_ratio", round(load.busy, 4))

    def _note_link(self, reading: Reading) -> None:
        stats = self._dispatcher.store.stats
        commands, loop = Histogram(), Histogram()
        for name, waits in list(stats.waits.items()):
            loop.merge(waits.loop)
            if name.isupper():  # a plain command; scripts have the names of their files
                commands.merge(waits.link)
            else:
                reading.classes("script_seconds", waits.link, name)
        reading.classes("redis_command_seconds", commands)
        reading.classes("redis_loop_seconds", loop)
        reading.set_all("redis_events_total", {name: getattr(stats, name) for name in _EVENTS})

    def _note_peers(self, reading: Reading) -> None:
        dispatcher, sockets = self._dispatcher, self._sockets
        reading.set("sockets", len(sockets.registry))
        reading.set("nodes_connected", len(dispatcher.peers.nodes))
        reading.set("sessions", len(dispatcher.peers.sessions))
        reading.set("handshakes_refused_total", sockets.gate.refused if sockets.gate else 0)
        reading.set_all("sockets_closed_total", _known(sockets.registry.close_codes))
        reading.set("peers_sent_elsewhere_total", dispatcher.rebalancer.asked)
        reading.set_all("refused_total", _from_zero(OVERLOADED, dispatcher.presence.refused))
        reading.set_all("limited_total", _from_zero(("messages", "guesses"), dispatcher.limiter.refused))
        reading.set_all("credentials_refused_total", _from_zero(("missing",), dispatcher.admission.refused))
        used = dispatcher.usage.totals
        reading.set("audio_seconds_total", used.audio_ms / 1000)
        reading.set("utterances_total", used.utterances)
        reading.set("results_total", used.results)
        reading.set_all("utterances_cut_total", _from_zero(CutReason, dispatcher.sessions.cuts))

    def _note_background(self, reading: Reading) -> None:
        sweeper, publisher = self._dispatcher.sweeper, self._dispatcher.publisher
        reading.set("redis_up", float(sweeper.failure is None))
        reading.set("sweep_age_seconds", round(time.monotonic() - sweeper.ended_s, 3))
        reading.set_all(
            "broker_state", {state: float(state == publisher.broker) for state in get_args(Broker)}
        )
        reading.set_all("queue_messages", _from_zero((CONTROL, DRAIN), publisher.waiting))
        reading.set("outbox_age_seconds", sweeper.outbox_age_ms / 1000)
        reading.set("pools_age_seconds", sweeper.pools_age_ms / 1000)
        reading.set("wakeups_published_total", publisher.published)
        reading.set("wakeup_failures_total", publisher.failed)
        reading.set("fallback_drains_total", sweeper.fallbacks)
        state = self._dispatcher.services.state
        fetched_ms = state.last_success_at_ms
        age_s = max(0.0, time.time() - fetched_ms / 1000) if fetched_ms else 0.0
        reading.set("service_catalog_failures", state.fail_count)
        reading.set("service_catalog_age_seconds", round(age_s, 3))

    def _note_nodes(self, reading: Reading) -> None:
        dispatcher = self._dispatcher
        messages, tallies = dispatcher.node_messages, dispatcher.node_messages.tallies
        reading.set("stale_messages_total", messages.stale)
        reading.set_all("reruns_total", tallies.reruns)
        reading.set_all("results_by_quality_total", tallies.quality)
        sure = dict(zip(_CLASSES, tallies.language_probability, strict=True))
        reading.set_all("results_by_language_probability_total", sure)
        reading.set_all("canaries_total", dispatcher.canaries.answers)
        reading.set_all("canary_findings_total", dispatcher.canaries.findings)
        reading.set_all("model_missing_nodes", dispatcher.presence.marked())
        reading.set_all("service_speed_ratio", efficiencies(list(dispatcher.peers.nodes.values())))


def _from_zero(names: Iterable[str], counts: Mapping[Any, int]) -> dict[str, int]:
    """Give counts that begin with 0 for these: a rate is seen from the first one on."""
    return dict.fromkeys(map(str, names), 0) | {str(name): count for name, count in counts.items()}


def _known(codes: Mapping[int, int]) -> Counter[str]:
    """Give the counts of close codes that we use; peers may send any other."""
    found: Counter[str] = Counter()
    for code, count in codes.items():
        found[str(code) if code in _CODES else "other"] += count
    return found
