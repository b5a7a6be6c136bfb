"""What a fail-over by Sentinels costs and loses, on a master, a replica and three Sentinels of its own.

``python -m tests.failover`` ends with a line of JSON: how long no write was answered, how many of the writes
that were acknowledged are missing on the new master, and what waiting for the replica (``WAIT 1``) would add.
"""

import json
import statistics
import time
from collections.abc import Iterator
from itertools import count
from threading import Event, Thread

from scheduling.store.plain import PlainStore
from tests.sentinels import Replicated
from tests.stack import wait_until
from tests.valkey import Valkey

_WRITERS = 4
_BEFORE_S = 3.0
_AFTER = 500
_SAMPLES = 1000


class Writers:
    """Threads that add one number after the other to a set, and note which were acknowledged."""

    def __init__(self, url: str) -> None:
        self.acknowledged: list[int] = []
        self.longest_s = 0.0
        self._url = url
        self._numbers: Iterator[int] = count()
        self._over = Event()
        self._threads = [Thread(target=self._write) for _ in range(_WRITERS)]
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        """Let each end with its write."""
        self._over.set()
        for thread in self._threads:
            thread.join()

    def lost_on(self, server: Valkey) -> int:
        """Count the acknowledged writes that this server does not have."""
        with PlainStore(server.url, timeout_s=10.0) as store:
            kept = {int(number) for number in store.command("SMEMBERS", "written")}
        return len(set(self.acknowledged) - kept)

    def _write(self) -> None:
        with PlainStore(self._url, timeout_s=60.0) as store:
            while not self._over.is_set():
                number, asked_s = next(self._numbers), time.monotonic()
                store.command("SADD", "written", number)
                self.longest_s = max(self.longest_s, time.monotonic() - asked_s)
                self.acknowledged.append(number)


def main() -> None:
    """Measure both, one after the other."""
    with Replicated() as servers:
        print(json.dumps(_wait_costs(servers) | _fail_over(servers)))


def _fail_over(servers: Replicated) -> dict[str, float]:
    """Kill the master under writes, and look which of them the new one has."""
    first, second = servers.master, servers.replica
    writers = Writers(servers.url)
    time.sleep(_BEFORE_S)
    first.kill()
    before = len(writers.acknowledged)
    wait_until(lambda: len(writers.acknowledged) > before + _AFTER, "writes go on")
    writers.end()
    return {
        "writes_per_s": round(before / _BEFORE_S),
        "acknowledged": len(writers.acknowledged),
        "lost": writers.lost_on(second),
        "longest_wait_ms": round(writers.longest_s * 1000),
    }


def _wait_costs(servers: Replicated) -> dict[str, float]:
    """Give the median of a write alone, and of one that waits for the replica, in ms."""
    alone, both = [], []
    with PlainStore(servers.url) as store:
        for number in range(_SAMPLES):
            started_s = time.perf_counter()
            store.command("SADD", "samples", number)
            alone.append(time.perf_counter() - started_s)
            started_s = time.perf_counter()
            store.commands([("SADD", "samples", -number), ("WAIT", 1, 1000)])
            both.append(time.perf_counter() - started_s)
    return {
        "write_p50_ms": round(statistics.median(alone) * 1000, 3),
        "write_and_wait_p50_ms": round(statistics.median(both) * 1000, 3),
    }


if __name__ == "__main__":
    main()
