"""A backlog of results, written straight into a ledger, and what became of it."""

from scheduling.store.plain import PlainStore
from tests.lua.world import World
from tests.scheduling.results_of import Results

_EACH = 20


class Backlog:
    """Sessions of 20 jobs each, all of them ended, none of them told."""

    def __init__(self, url: str, sessions: int) -> None:
        self.jobs = sessions * _EACH
        self._store = PlainStore(url, timeout_s=10.0)
        world = World(self._store)
        self.settings = world.settings
        self._results = Results(world)
        self._sessions = [f"s{number}" for number in range(sessions)]
        self._write()
        self._store.command("HDEL", world.keys.cell, "clock")  # from here on the real time counts

    def _write(self) -> None:
        names = [f"{session}-{number}" for session in self._sessions for number in range(_EACH)]
        for session in self._sessions:
            self._results.open(session)
        for name in names:
            self._results.start(name, name.partition("-")[0])
            self._results.end(name, name)

    @property
    def undone(self) -> int:
        """Results that are still in the outbox, claimed or not."""
        return self._results.undone()

    @property
    def claimed(self) -> int:
        """Results some worker works on."""
        return self._results.claimed()

    def assert_told_once_and_in_order(self) -> None:
        """Fail unless each session's stream holds each of its results once, in order."""
        for session in self._sessions:
            texts = [entry["main"]["text_asr"] for entry in self._results.out(session)]
            assert texts == [f"{session}-{number}" for number in range(_EACH)]

    def close(self) -> None:
        self._store.close()
