"""The account of bodies against a model: whatever is stored, kept, dropped or lapses, it says what is so."""

from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from scheduling.bodies import KEPT_SHARE, Bodies
from scheduling.keys import Keys
from scheduling.ledger.codes import BodyBudgetSpent
from scheduling.settings import Settings
from scheduling.store.plain import PlainStore
from tests.lua.world import World

_BUDGET = 2**20
_NAMES = st.sampled_from(["a:1", "a:2", "a:3 4", "s:1", "s:2:1:node 7 kept"])
_SIZES = st.sampled_from([4, 60_000, 300_000, 500_000])


class Account(RuleBasedStateMachine):
    """One server; time moves only by rule, and bodies lapse then."""

    store: PlainStore

    @initialize()
    def begin(self) -> None:
        self.store.command("FLUSHALL")
        self.world = World(self.store)
        self.settings = Settings(redis_url="redis://unused", body_budget=_BUDGET)
        self.bodies = Bodies(self.store, self.settings)
        self.there: dict[str, tuple[int, int, bool]] = {}
        self.written_off = True

    @rule(name=_NAMES, size=_SIZES)
    def put(self, name: str, size: int) -> None:
        self._write_off_lapsed()
        held = sum(bytes_ for bytes_, _, _ in self.there.values())
        try:
            self.bodies.put(name, "A" * size).wait()
        except BodyBudgetSpent:
            assert name not in self.there
            assert held + size > _BUDGET
            return
        if name not in self.there:
            assert held + size <= _BUDGET
            self.there[name] = (size, self.world.now_ms + self.settings.body_ttl_ms, False)

    @rule(name=_NAMES)
    def keep(self, name: str) -> None:
        kept = sum(bytes_ for bytes_, _, is_kept in self.there.values() if is_kept)
        size, due_ms, is_kept = self.there.get(name, (0, 0, False))
        size = size if due_ms > self.world.now_ms else 0
        room = kept + size <= _BUDGET // KEPT_SHARE
        assert self.bodies.keep(name, 3_600_000) == (size > 0 and (is_kept or room))
        if size and not is_kept and room:
            self.there[name] = (size, self.world.now_ms + 3_600_000, True)

    @rule(names=st.lists(_NAMES, min_size=1))
    def drop(self, names: list[str]) -> None:
        self._write_off_lapsed()
        self.bodies.drop_all(names)
        for name in names:
            self.there.pop(name, None)

    @rule(name=_NAMES)
    def drop_soon(self, name: str) -> None:
        self._write_off_lapsed()
        self.bodies.drop(name, after_ms=1000).wait()
        if name in self.there:
            size, _, is_kept = self.there[name]
            self.there[name] = (size, self.world.now_ms + 1000, is_kept)

    @rule(ms=st.sampled_from([500, 1000, 60_000, 200_000]))
    def time_passes(self, ms: int) -> None:
        self.world.go(ms)
        for name, (_, due_ms, _) in self.there.items():
            if due_ms <= self.world.now_ms:
                self.store.command(
                    "DEL", Keys("0").body(name)
                )  # the server's own clock stands still meanwhile
        self.written_off = False

    def _write_off_lapsed(self) -> None:
        """Forget what has lapsed: the next call takes it off the account."""
        self.there = {name: body for name, body in self.there.items() if body[1] > self.world.now_ms}
        self.written_off = True

    @invariant()
    def the_account_says_what_is_there(self) -> None:
        if not self.written_off:
            return
        found = self.store.command("HMGET", Keys("0").cell, "bodies", "bodies:a", "bodies:s", "bodies:kept")
        sizes = {name: size for name, (size, _, _) in self.there.items()}
        expected = (
            sum(sizes.values()),
            sum(size for name, size in sizes.items() if name.startswith("a")),
            sum(size for name, size in sizes.items() if name.startswith("s")),
            sum(size for size, _, is_kept in self.there.values() if is_kept),
        )
        assert tuple(int(value or 0) for value in found) == expected
        assert self.store.command("ZCARD", Keys("0").body_index) == len(sizes)


def test_the_account_of_bodies(store: PlainStore) -> None:
    machine = type("Account", (Account,), {"store": store})
    run_state_machine_as_test(machine, settings=hypothesis_settings(stateful_step_count=30, deadline=None))
