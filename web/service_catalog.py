"""The catalogue of the model hub: fetched in the background, kept while the hub is silent."""

import logging
import time
import urllib.request
from http.client import HTTPException

import gevent
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from scheduling.messages.base import WireModel

_log = logging.getLogger(__name__)

_PERIOD_S = 30.0
_MOST_PERIOD_S = 300.0
_TIMEOUT_S = 20.0
_MOST_BYTES = 4 * 2**20
#: Failures in a row before the pauses grow.
_PATIENCE = 3


class Artifact(WireModel):
    """A file that a node may fetch."""

    type: str
    url: str
    sha256: str = ""
    size_bytes: int = 0


class Variant(WireModel):
    """One build of a service."""

    version: str
    platform: str
    artifact: Artifact


class Service(WireModel):
    """One service that nodes may install."""

    service_id: str
    name: str
    latest_version: str
    variants: list[Variant] = Field(default_factory=list)


class CatalogState(BaseModel):
    """How fetching goes."""

    fetched_at_ms: int = 0
    last_success_at_ms: int = 0
    fail_count: int = 0
    """In a row."""
    last_error: str | None = None


_SERVICES = TypeAdapter(list[Service])


class ServiceCatalog:
    """What the hub offers, as far as it is known; nothing without a hub."""

    def __init__(self, hub_url: str) -> None:
        self._url = f"{hub_url.rstrip('/')}/api/services" if hub_url else ""
        self.entries: list[Service] = []
        self.state = CatalogState()

    def run(self) -> None:
        """Fetch for ever; without a hub there is nothing to do."""
        while True:
            if self._url:
                self.fetch()
            gevent.sleep(self._pause_s())

    def fetch(self) -> None:
        """Fetch once; a failure keeps what was known."""
        self.state.fetched_at_ms = time.time_ns() // 1_000_000
        try:
            with gevent.Timeout(_TIMEOUT_S, TimeoutError("the model hub is too slow")):
                self.entries = _SERVICES.validate_json(self._read(), strict=False)
        except (OSError, HTTPException, ValueError) as error:
            self.state.fail_count += 1
            self.state.last_error = _words(error)
            _log.warning("the model hub at %s gives no services: %s", self._url, self.state.last_error)
        else:
            self.state = CatalogState(
                fetched_at_ms=self.state.fetched_at_ms, last_success_at_ms=time.time_ns() // 1_000_000
            )

    def _read(self) -> bytes:
        request = urllib.request.Request(self._url, headers={"Accept": "application/json"})
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as reply:
            data: bytes = reply.read(_MOST_BYTES + 1)
        if len(data) > _MOST_BYTES:
            raise ValueError(f"more than {_MOST_BYTES} bytes")
        return data

    def _pause_s(self) -> float:
        doublings = max(0, self.state.fail_count - _PATIENCE + 1)
        return float(min(_PERIOD_S * 2 ** min(doublings, 8), _MOST_PERIOD_S))


def _words(error: Exception) -> str:
    if isinstance(error, ValidationError):
        return f"its answer is not a list of services: {error.error_count()} members are wrong"
    return str(error)[:200] or type(error).__name__
