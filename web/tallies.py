"""What nodes tell of their recognition, counted since the process began; no count has a node's name."""

from collections import Counter
from collections.abc import Iterable

from scheduling.messages import JobResult, NodeHeartbeat
from scheduling.metrics.definitions import MOST_SERVICES
from web.node_link import NodeLink

_LEVELS = ("good", "suspect", "bad")
#: Classes of the probability that the language was recognised rightly, each as wide as the others.
_CLASSES = 5
_MOST_WORDS = 64
#: No service is a million times as fast as speech; a node that says so must not spoil the sum.
_MOST_EFFICIENCY = 1e6


class NodeTallies:
    """Counters over all nodes that are or were connected here."""

    def __init__(self) -> None:
        self.reruns: Counter[str] = Counter()
        """Recognitions tried again, by the name the node's report has for them."""
        self.quality: Counter[str] = Counter()
        """Results by the quality the node states, and under ``rerun`` those that took more than one try."""
        self.language_probability: list[int] = [0] * _CLASSES
        """Results by how sure the node was of the language: 0 to 0.2, to 0.4 and so on."""

    def note_beat(self, former: NodeHeartbeat | None, beat: NodeHeartbeat) -> None:
        """Add what the node's own totals have grown by since its former heartbeat on the same socket.

        The first one only says where they stand. Totals that shrank began anew with the node.
        """
        now, before = beat.rerun_metrics, former.rerun_metrics if former else None
        if now is None or before is None:
            return
        stood = before.model_dump(by_alias=False)
        for name, total in now.model_dump(by_alias=False).items():
            self.reruns[name] += total - stood[name] if total >= stood[name] else total

    def note_result(self, result: JobResult) -> None:
        """Count a result that ended its job well."""
        if result.asr_quality_level is not None:
            level = result.asr_quality_level
            self.quality[level if level in _LEVELS else "other"] += 1
        if result.rerun_count:
            self.quality["rerun"] += 1
        sure = result.extra.language_probability if result.extra else None
        if sure is not None:
            self.language_probability[min(int(_CLASSES * min(max(sure, 0), 1)), _CLASSES - 1)] += 1


def efficiencies(links: Iterable[NodeLink]) -> dict[str, float]:
    """Give seconds of audio per second of work, by service, in the mean of the nodes that measure it."""
    stated: dict[str, list[float]] = {}
    for link in links:
        metrics = link.last_beat.processing_metrics if link.last_beat else None
        for service, value in (metrics.service_efficiencies if metrics else {}).items():
            stated.setdefault(service[:_MOST_WORDS], []).append(min(max(value, 0), _MOST_EFFICIENCY))
    most = sorted(stated, key=lambda service: (-len(stated[service]), service))[:MOST_SERVICES]
    return {service: round(sum(stated[service]) / len(stated[service]), 3) for service in most}
