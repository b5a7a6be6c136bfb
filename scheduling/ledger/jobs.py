"""Jobs in the ledger: reserve, advance, complete, cancel, settle."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from scheduling.along import Along
from scheduling.keys import shard_of
from scheduling.ledger.cell import Cell, text
from scheduling.requirement import Requirement
from scheduling.store.base import Part, Pending

Stage = Literal["dispatched", "accepted", "started", "progress"]
Verdict = Literal["ok", "retry", "fail"]
#: Values that `handing` says of each job.
_HANDED_PARTS = 9


@dataclass(frozen=True, slots=True)
class Reservation:
    """What `Jobs.reserve` is asked."""

    job_id: str
    """Proposed; a repeated request finds the earlier job instead."""
    request_id: str
    session_id: str
    instance: str
    src_lang: str
    tgt_lang: str
    requirement: Requirement
    pools: Sequence[str]
    pools_version: int
    spec: str
    """JSON of the assignment without its audio."""
    audio: str
    """Name of the stored audio body."""
    next_index: int
    audio_from: str = ""
    """``SEQ.OFFSET`` of the first byte of the stream still wanted after it; empty for a one-shot."""
    preferred_pool: str = ""
    cost: int = 1
    preferred_node: str = ""
    """Taken before all others while it can do the job."""
    tenant: str = ""
    """Whose fair share it takes."""
    weight: int = 100
    """Of the tenant's share against others, in hundredths."""
    priority: int = 1
    """0 high, 1 normal, 2 low."""
    room: str = ""
    """Code of the room whose members listen, empty for none."""
    least_order: int = 0
    """Order numbers below this were given before, as far as the session's owner knows."""
    audio_ms: int = 0
    """Its length, ms."""
    quota: str = ""
    """What its tenant may have, as `Limits.quota` gives it."""
    body: Along | None = None
    """The audio, where it is not stored by a call of its own."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a job stands."""

    job_id: str
    order: int
    state: str
    attempt: int
    node_id: str
    instance: str
    """Instance that holds the node's socket."""
    use_semantic: bool
    wait_ms: int = 0
    """How long it was likely to wait when it was let in, ms; 0 for a job that found a slot."""

    def sends(self, instance: str) -> bool:
        """Whether the instance that reserved is to send it: it holds the node's socket.

        Then the ledger has noted it as sent already. A later attempt is sent by whoever is told of it.
        """
        return self.state == "dispatched" and self.attempt == 1 and self.instance == instance


@dataclass(frozen=True, slots=True)
class Assigned:
    """An attempt handed to a node whose socket the caller holds."""

    job_id: str
    attempt: int


@dataclass(frozen=True, slots=True)
class Handed(Assigned):
    """One that came with all that it takes to send it.

    Where it came with the verdict which freed its slot, the ledger has noted it as sent already.
    """

    spec: str
    """What `JobSpec.parse` reads."""
    use_semantic: bool
    tried: str
    """Nodes of all its attempts, space separated; the last is this one's."""
    created_ms: int
    audio: str
    """Name of its audio."""
    data: str
    """The audio as base64; empty where it lives elsewhere, or is lost."""
    session_here: bool
    """The caller holds its session's socket as well: nobody else has to be told that it is sent."""

    @classmethod
    def read(cls, parts: Sequence[Any]) -> "Handed":
        """Read what `handing` says of one."""
        job, attempt, spec, semantic, tried, created_ms, audio, data, here = map(text, parts)
        made = int(created_ms)
        return cls(job, int(attempt), spec, semantic == "1", tried, made, audio, data, here == "1")


@dataclass(frozen=True, slots=True)
class Dispatch:
    """An attempt that was sent to its node."""

    job_id: str
    node_id: str
    attempt: int
    token: str
    """Unique per message, so that a repeated call tells nobody twice."""
    event: str = ""
    """JSON messages for the client, empty for none."""


@dataclass(frozen=True, slots=True)
class Completed:
    """What became of a verdict."""

    state: str
    """done | failed | retried"""
    wake: bool
    """The shard was idle: a drain has to be published."""
    handed: tuple[Handed, ...]
    counts: bool = False
    """This call's result is to be counted as usage; never twice."""
    tenant: str = ""
    """Whose it is, as usage goes by; said where it counts."""
    audio_ms: int = 0
    """Length of its audio, ms; the same."""


@dataclass(frozen=True, slots=True)
class Progress:
    """A job after a stage of its attempt."""

    state: str
    session_id: str
    instance: str
    """Instance that owns the session."""


class Jobs:
    """Typed calls of the job scripts."""

    def __init__(self, cell: Cell) -> None:
        self._cell = cell
        self._keys = cell.keys
        self._shards = cell.settings.shards

    def shard_of(self, session_id: str) -> int:
        """Shard whose drain formats a session's results."""
        return shard_of(session_id, self._shards)

    def reserve(self, ask: Reservation) -> Placement:
        """Place a job or let it wait.

        Raises `UnknownSession`, `SessionMoved`, `SessionBehind`, `QueueFull`, `OverQuota`, `NoNode` and
        `BodyBudgetSpent`; none takes an order number.
        """
        reply = self._cell.call(
            "reserve",
            [
                self._keys.request(ask.request_id), self._keys.session(ask.session_id),
                *self._keys_of(ask.body),
            ],
            [
                ask.job_id, ask.session_id, ask.instance, ask.tgt_lang, ask.requirement.requirement_id,
                ask.requirement.canonical(), ask.pools_version, ask.preferred_pool, ask.cost,
                f"{ask.src_lang} {ask.tgt_lang}", shard_of(ask.session_id, self._shards), ask.spec, ask.audio,
                ask.next_index, ask.audio_from, ask.tenant, ask.weight, ask.priority, ask.preferred_node,
                ask.room, ask.least_order, *_args_of(ask.body), ask.audio_ms, ask.quota, *ask.pools,
            ],
        )  # fmt: skip
        _, job, order, state, attempt, node, instance, semantic, wait_ms = reply
        return Placement(
            text(job), order, text(state), attempt, text(node), text(instance), semantic == b"1", wait_ms
        )

    def advance(
        self,
        job_id: str,
        node_id: str,
        attempt: int,
        stage: Stage,
        token: str,
        instance: str,
        event: str = "",
    ) -> Progress:
        """Note a stage of an attempt and renew its lease. Raises `UnknownJob` and `StaleAttempt`."""
        args: list[Part] = [job_id, node_id, attempt, stage, token, instance, event]
        reply = self._cell.call("advance_attempt", [], args)
        return Progress(text(reply[1]), text(reply[2]), text(reply[3]))

    def submit_dispatched(self, sent: Sequence[Dispatch], instance: str) -> Pending:
        """Note attempts that were sent, without waiting; coming too late for one is no error."""
        args: list[Part] = [instance]
        for each in sent:
            args += (each.job_id, each.node_id, each.attempt, each.token, each.event)
        return self._cell.submit("note_dispatched", [], args)

    def complete(
        self,
        job_id: str,
        node_id: str,
        attempt: int,
        verdict: Verdict,
        *,
        instance: str,
        result: str = "",
        speech: str = "",
        body: Along | None = None,
        code: str = "",
        message: str = "",
        call: str = "",
    ) -> Completed:
        """Take a node's verdict on its attempt. Raises `UnknownJob` and `StaleAttempt`.

        ``speech`` names what was stored, ``body`` goes along; without room for it the text goes alone.
        ``call`` names the call where its result counts as usage; it is the same when the call is repeated.
        """
        speech = body.name if body else speech
        args: list[Part] = [job_id, node_id, attempt, verdict, code, message, result, speech, instance]
        keys = [self._keys.job(job_id), *self._keys_of(body)]
        reply = self._cell.call("complete", keys, [*args, *_args_of(body), call])
        _, words, counts, tenant, audio_ms, *parts = reply
        state, wake, *_ = text(words).split()
        handed = tuple(
            Handed.read(parts[first : first + _HANDED_PARTS]) for first in range(0, len(parts), _HANDED_PARTS)
        )
        return Completed(state, wake == "1", handed, counts == 1, text(tenant), audio_ms)

    def requeue(self, job_id: str, node_id: str, attempt: int, code: str, message: str) -> str:
        """End an attempt that cannot be delivered; give what became of the job. Raises like `complete`."""
        args: list[Part] = [job_id, node_id, attempt, code, message]
        return text(self._cell.call("requeue", [self._keys.job(job_id)], args)[1]).split()[0]

    def cancel(self, job_id: str, code: str, message: str) -> str:
        """End a job by wish; give its state. Raises `UnknownJob`."""
        return text(self._cell.call("cancel", [self._keys.job(job_id)], [job_id, code, message])[1])

    def settle(self, sweeper: str, guard_ms: int, most: int = 64) -> int | None:
        """Settle what is due; give the next due time (ms), or None when somebody else does it."""
        reply = self._cell.call("settle_deadlines", [self._keys.sweeping], [sweeper, guard_ms, most])
        return int(reply[1]) if reply[0] else None

    def _keys_of(self, body: Along | None) -> tuple[str, str]:
        return body.keys if body else (self._keys.body_index, self._keys.body(""))


def _args_of(body: Along | None) -> tuple[str, int, int]:
    return body.args if body else ("", 0, 0)
