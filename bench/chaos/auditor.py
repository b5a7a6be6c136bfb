"""What the ledger must look like: never a node over its slots, and in the end nothing left of what was."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from scheduling.errors import StoreError
from scheduling.keys import Keys
from scheduling.ledger.cell import text
from scheduling.store.plain import PlainStore

#: Nodes over their slots, all in the same instant.
_OVER = """
local over = {}
for _, id in ipairs(ARGV) do
  local slots = redis.call('HGET', KEYS[1] .. 'node:' .. id, 'max')
  local leases = redis.call('ZCARD', KEYS[1] .. 'leases:' .. id)
  if leases > tonumber(slots or leases) then
    over[#over + 1] = id .. ' has ' .. leases .. ' leases for ' .. slots .. ' slots'
  end
end
return over
"""
_ENDED = {"done", "failed", "cancelled"}
_PAGE = 500


@dataclass
class Findings:
    """What was not as it must be."""

    leaked_slots: int = 0
    faults: list[str] = field(default_factory=list)


class Auditor:
    """Looks at one cell from outside."""

    def __init__(self, store: PlainStore, nodes: Sequence[str], cell: str = "0") -> None:
        self._store = store
        self._keys = Keys(cell)
        self._nodes = list(nodes)
        self.overcommitted: list[str] = []
        self.samples = 0

    def sample(self) -> None:
        """Note which nodes have more leases than slots now; a store that is away is asked another time."""
        try:
            over = self._store.command("EVAL", _OVER, 1, self._keys.prefix, *self._nodes, timeout_s=0.5)
        except StoreError:
            return
        self.samples += 1
        self.overcommitted += [text(each) for each in over]

    def is_quiet(self) -> bool:
        """Whether nothing runs, waits, or is still to be told."""
        try:
            return not (self._leases() or self._deadlines() or self._untold())
        except StoreError:
            return False

    def audit(self) -> Findings:
        """Look at everything, once nobody speaks any more. Raises `StoreError`."""
        leases = self._leases()
        found = Findings(len(leases), [f"leaked lease {lease}" for lease in leases])
        found.faults += [f"deadline of a job: {entry}" for entry in self._deadlines()]
        found.faults += [f"not drained: {entry}" for entry in self._untold()]
        for check in (self._check_waiting, self._check_jobs, self._check_bodies, self._check_sessions):
            found.faults += check()
        return found

    def job(self, job_id: str) -> dict[str, str]:
        """Give a job's record without its contents, empty when it is gone."""
        record = _pairs(self._store.command("HGETALL", self._keys.job(job_id)))
        return {name: value for name, value in record.items() if name not in ("spec", "result", "audio")}

    def _leases(self) -> list[str]:
        leases = self._keys.leases("")
        return [
            f"{name.removeprefix(leases)}: {text(member)}"
            for name in self._named(f"{leases}*")
            for member in self._store.command("ZRANGE", name, 0, -1)
        ]

    def _deadlines(self) -> list[str]:
        entries = self._store.command("ZRANGE", self._keys.deadlines, 0, -1)
        return [text(entry) for entry in entries if entry.startswith(b"j|")]

    def _untold(self) -> list[str]:
        streams = self._named(f"{self._keys.prefix}outbox:results:*")
        return [f"{count} in {name}" for name in streams if (count := self._store.command("XLEN", name))]

    def _check_waiting(self) -> Iterator[str]:
        count = int(self._store.command("HGET", self._keys.cell, "waiting") or 0)
        if count:
            yield f"the cell counts {count} waiting jobs"
        for name in self._named(f"{self._keys.prefix}waiting:*"):
            yield f"somebody waits in {name}"

    def _check_jobs(self) -> Iterator[str]:
        for name in self._named(self._keys.job("*")):
            state = text(self._store.command("HGET", name, "state") or b"")
            if state and state not in _ENDED:
                yield f"{name} is {state}"

    def _check_bodies(self) -> Iterator[str]:
        """Compare the account with what is kept; what has lapsed is taken off when the next body comes."""
        entries = [text(each) for each in self._store.command("ZRANGE", self._keys.body_index, 0, -1)]
        parts = [entry.removesuffix(" kept").rpartition(" ") for entry in entries]
        sizes = {name: int(size) for name, _, size in parts}
        total = int(self._store.command("HGET", self._keys.cell, "bodies") or 0)
        if total != sum(sizes.values()):
            yield f"the bodies' total is {total}, their sum {sum(sizes.values())}"
        prefix = self._keys.body("")
        for name in self._named(f"{prefix}*"):
            held, body = self._store.command("STRLEN", name), name.removeprefix(prefix)
            if held and held != sizes.get(body):
                yield f"{name} has {held} bytes, {sizes.get(body)} on the account"

    def _check_sessions(self) -> Iterator[str]:
        for name in self._named(self._keys.session("*")):
            record, session = _pairs(self._store.command("HGETALL", name)), name.rpartition(":")[2]
            given = {key[6:]: int(value) for key, value in record.items() if key.startswith("order:")}
            for tgt, count in given.items():
                released = int(record.get(f"released:{tgt}", 0))
                if released != count:
                    yield f"{name}: {count} order numbers for {tgt}, {released} released"
                yield from self._check_stream(session, tgt, count, int(record.get("out_seq", 0)))

    def _check_stream(self, session: str, tgt: str, count: int, length: int) -> Iterator[str]:
        """Look for gaps: what is kept of a stream goes to its end."""
        entries = self._store.command("XRANGE", self._keys.out(session), "-", "+")
        if not entries:
            return  # its retention is over
        numbers = [int(text(entry_id).partition("-")[2]) for entry_id, _ in entries]
        if numbers != list(range(length - len(numbers) + 1, length + 1)):
            yield f"the stream of {session} has {numbers}, it should go to {length}"
        fields = [_pairs(raw) for _, raw in entries]
        orders = [int(each["order"]) for each in fields if each.get("tgt") == tgt and int(each["order"]) >= 0]
        if orders != list(range(count - len(orders), count)):
            yield f"the stream of {session} has the order numbers {orders} for {tgt}, of {count}"

    def _named(self, pattern: str) -> list[str]:
        cursor, names = b"0", []
        while True:
            cursor, page = self._store.command("SCAN", cursor, "MATCH", pattern, "COUNT", _PAGE)
            names += [text(name) for name in page]
            if cursor == b"0":
                return sorted(set(names))


def _pairs(raw: list[Any]) -> dict[str, str]:
    return {text(name): text(value) for name, value in zip(raw[::2], raw[1::2], strict=True)}
