"""Asking Sentinels which server is the master now."""

from contextlib import suppress
from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from scheduling.errors import StoreUnavailable
from scheduling.store.address import Address

#: Each Sentinel gets so long for each step, s: one that is silent must not use up a call's time.
PATIENCE_S = 0.5


class Sentinels:
    """The Sentinels of one server, the one that answered last asked first."""

    def __init__(self, address: Address) -> None:
        self._service = address.service
        self._places = address.sentinels
        # Who asks repeats his question anyway, and of another one.
        self._options: dict[str, Any] = {"retry": Retry(NoBackoff(), 0), **address.sentinel_options}

    def master(self, timeout_s: float) -> tuple[str, int]:
        """Give host and port of the master, as the first Sentinel says that takes it for alive.

        Connections last as long as the question, so there is nothing to keep or to share. Raises
        `StoreUnavailable`, saying what each of them said.
        """
        said = []
        for place in self._places:
            try:
                master = self._ask(*place, min(timeout_s, PATIENCE_S))
            except (RedisError, OSError) as error:
                said.append(f"{place[0]}:{place[1]}: {error}")
                self.doubt(place)
                continue
            return master
        raise StoreUnavailable(f"no Sentinel names a master for {self._service!r} ({'; '.join(said)})")

    def doubt(self, place: tuple[str, int] | None = None) -> None:
        """Ask this Sentinel last from now on; without a place the one that is asked first.

        One that was cut off from the others may name a master of the past for as long as it is.
        """
        place = place or self._places[0]
        self._places = (*(each for each in self._places if each != place), place)

    def _ask(self, host: str, port: int, timeout_s: float) -> tuple[str, int]:
        times = {"socket_timeout": timeout_s, "socket_connect_timeout": timeout_s}
        client = Redis(host, port, protocol=2, **{**self._options, **times})
        try:
            state: Any = client.sentinel_master(self._service, return_responses=True)
        finally:
            with suppress(RedisError, OSError):
                client.close()
        if state["is_sdown"] or state["is_odown"] or not state["is_master"]:
            raise RedisError("it takes the master for down, and no other has its place yet")
        return str(state["ip"]), int(state["port"])
