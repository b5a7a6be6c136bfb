"""What a tenant may take. Who a tenant is, and what it may, is asked here alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Final

from scheduling.setting_limits import LimitSettings
from scheduling.setting_tables import parse_table, read_amount, read_rate

#: A tenant's name is counted by so many characters.
MOST_TENANT = 64
#: Whose canaries are: nobody can be this tenant, and what it does is neither limited nor counted as usage.
CANARY: Final = "~canary"
#: Of a node whose credential says nothing of slots; the settings have a bound below.
ANY_SLOTS: Final = 2**31
#: In a table of limits: each tenant that is not named.
_OTHERS = "*"


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one tenant, over all processes unless stated; 0 is no limit."""

    sessions: int = 0
    """Open at once."""
    waiting: int = 0
    """Jobs that wait for a slot."""
    jobs: int = 0
    """Jobs under way, running or waiting: so many run at most."""
    audio_ms: int = 0
    """Audio of accepted jobs in any 24 hours, ms."""
    connections_per_s: float = 0.0
    """Sessions opened in one process."""

    @property
    def quota(self) -> str:
        """What `reserve` has to look at: waiting, jobs, audio (ms); empty where nothing is limited."""
        if self.waiting or self.jobs or self.audio_ms:
            return f"{self.waiting} {self.jobs} {self.audio_ms}"
        return ""

    def with_stated(self, stated: Mapping[str, float]) -> "Limits":
        """Give what counts for a credential that states limits of its own, by the names that stand here.

        ``audio_min`` is in minutes. Names that are not known here are left to others. What is less than one
        counts as one: 0 would be no limit.
        """
        return Limits(
            sessions=ceil(stated.get("sessions", self.sessions)),
            waiting=ceil(stated.get("waiting", self.waiting)),
            jobs=ceil(stated.get("jobs", self.jobs)),
            audio_ms=ceil(60_000 * stated.get("audio_min", self.audio_ms / 60_000)),
            connections_per_s=_rate(stated.get("connections_per_s", self.connections_per_s)),
        )


NO_LIMITS = Limits()


def most_slots(stated: Mapping[str, float]) -> int:
    """Give the slots that a credential lets a node offer, by its limit ``slots``; 0 is any number."""
    most = stated.get("slots", 0)
    return max(1, int(most)) if most else ANY_SLOTS


def tenant_name(tenant_id: str | None) -> str:
    """Give the name a tenant is counted by; empty for clients that state none, who are one together."""
    return (tenant_id or "")[:MOST_TENANT]


class LimitTable:
    """The limits that the settings give each tenant; looked up once for a session."""

    def __init__(self, settings: LimitSettings) -> None:
        tables = {
            "sessions": parse_table(settings.tenant_sessions, read_amount),
            "waiting": parse_table(settings.tenant_waiting, read_amount),
            "jobs": parse_table(settings.tenant_jobs, read_amount),
            "audio_min": parse_table(settings.tenant_audio_min, read_amount),
            "per_s": parse_table(settings.tenant_connections_per_s, read_rate),
        }
        named = {name for table in tables.values() for name in table}
        self._named = {name: _limits(tables, name) for name in named}
        self._others = self._named.get(_OTHERS, NO_LIMITS)

    def of(self, tenant: str) -> Limits:
        """Give a tenant's limits, by its `tenant_name`."""
        return self._named.get(tenant, self._others)


def _rate(per_s: float) -> float:
    """Give a rate by which a time to wait can be reckoned: as low as tables may have, or 0 for none."""
    return max(per_s, 0.001) if per_s else 0.0


def _limits(tables: dict[str, dict[str, int]], name: str) -> Limits:
    found = {limit: table.get(name, table.get(_OTHERS, 0)) for limit, table in tables.items()}
    return Limits(
        sessions=found["sessions"],
        waiting=found["waiting"],
        jobs=found["jobs"],
        audio_ms=found["audio_min"] * 60_000,
        connections_per_s=found["per_s"] / 1000,
    )
