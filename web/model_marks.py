"""Services a node said it lacks although it offers them: left out of what it can do for a while."""

import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from scheduling.messages import CapabilityByType, InstalledService

#: A node may take back this many services in this time, s; more tell of the node, not of its services.
_MOST, _WINDOW_S = 30, 10.0
#: Jobs that ran side by side fail for the same reason; the first one says it, s.
_DEBOUNCE_S = 5.0


@dataclass(slots=True)
class ModelMarks:
    """Marked services of one node, by service or model id."""

    marked_until_s: dict[str, float] = field(default_factory=dict)
    last: str = ""
    """The one marked last."""
    _noted_s: deque[float] = field(default_factory=deque)

    def note(self, details: Any, lasts_s: float) -> bool:
        """Mark the service that the details of a failed result name; False when there is nothing to mark.

        ``details`` hold ``service_id`` or ``model_id``, as agents of all versions send them.
        """
        name = _named(details)
        now_s = time.monotonic()
        if name is None or self.marked_until_s.get(name, 0) > now_s + lasts_s - _DEBOUNCE_S:
            return False
        while self._noted_s and self._noted_s[0] < now_s - _WINDOW_S:
            self._noted_s.popleft()
        if len(self._noted_s) >= _MOST:
            return False
        self._noted_s.append(now_s)
        self.marked_until_s[name] = now_s + lasts_s
        self.last = name
        return True

    def active(self) -> frozenset[str]:
        """Give the ids that are marked now."""
        if not self.marked_until_s:
            return frozenset()
        now_s = time.monotonic()
        self.marked_until_s = {name: until for name, until in self.marked_until_s.items() if until > now_s}
        return frozenset(self.marked_until_s)


def without(
    marked: frozenset[str], stated: list[CapabilityByType], installed: list[InstalledService]
) -> list[CapabilityByType]:
    """Give what a node can do without the marked services: a type goes when nothing else of it is left."""
    if not marked:
        return stated
    return [
        entry.model_copy(update={"ready": entry.ready and _has_more(entry, marked, installed)})
        for entry in stated
    ]


def _has_more(entry: CapabilityByType, marked: frozenset[str], installed: list[InstalledService]) -> bool:
    services = [service for service in installed if service.type == entry.type]
    hit = [service for service in services if marked & {service.service_id, service.model_id}]
    if services:
        return len(hit) < len(services)
    ready = entry.ready_impl_ids or []
    return not ready or not marked.issuperset(ready)


def _named(details: Any) -> str | None:
    if not isinstance(details, dict):
        return None
    name = details.get("service_id") or details.get("model_id")
    return name if isinstance(name, str) and 0 < len(name) <= 256 else None
