"""Sessions and their results in the ledger."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import uuid4

from scheduling.ledger.cell import Cell, text
from scheduling.store.base import Part


@dataclass(frozen=True, slots=True)
class ReadyResult:
    """Client messages of one order number, before its turn."""

    session_id: str
    tgt_lang: str
    order: int
    grouped: bool
    """It has text, so it belongs to an utterance group."""
    speech: str
    """Name of the speech body, empty for none."""
    events: str
    """JSON of the events sent before it, one a line."""
    main: str
    """JSON of the result, or of what stands for it."""
    room: str = ""
    """Code of the room whose members get it instead of the speaker, empty for none."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """The end of an utterance that was not accepted, for a client that may come back."""

    tgt_lang: str
    next_index: int
    """Utterance index the session goes on with; of one that was sent whole, the index behind its own."""
    audio_from: tuple[int, int] | None
    """Chunk, and byte in it, from which audio is still wanted; None for what was sent whole."""
    events: str
    main: str
    request_id: str = ""
    """Of what was sent whole: by it a client that sends it again finds its job, if it was accepted."""
    token: str = ""
    """Of what was sent whole: unique per refusal, for it may be said again and be refused again."""


@dataclass(frozen=True, slots=True)
class Resumed:
    """A session that another socket has taken over, as it stood at that moment."""

    epoch: str
    """As `epoch_of` gives it."""
    profile: str
    created_ms: int
    last: int
    """Number of the newest entry of its out stream, 0 for none."""
    first_kept: int
    """Number of the oldest entry still there; one more than ``last`` when there is none."""
    next_index: int
    audio_from: tuple[int, int]
    """Chunk, and byte in it, from which audio is wanted."""
    running: tuple[tuple[str, int], ...]
    """Language and order number of what was accepted and has no entry in the stream yet."""
    preferred_pool: str
    turn: int
    """How many sockets have held it, this one included."""
    given: Mapping[str, int]
    """Next order number by language."""
    released: Mapping[str, int]
    """Next order number to be released, by language."""
    language_pair: tuple[str, str]
    """Source and target language of what was said last, for which that pool is preferred."""

    def entry_id(self, number: int) -> str:
        """Stream id of an entry."""
        return f"{self.created_ms}-{number}"


@dataclass(frozen=True, slots=True)
class Unanswered:
    """What was accepted and not answered yet, and how it ends if the ledger does not know it any more."""

    tgt_lang: str
    order: int
    events: str
    """JSON, one a line."""
    main: str
    """JSON of what stands for the result; empty where the events are all there is to say."""


@dataclass(frozen=True, slots=True)
class Held:
    """What the owner of a session's socket knows of it; what the ledger knows may be older."""

    session_id: str
    instance: str
    socket: str
    turn: int
    token: str
    profile: str
    epoch: str
    """As `epoch_of` gives it."""
    sent: int
    """Number of the last entry that was taken from its stream."""
    next_index: int
    audio_from: tuple[int, int]
    numbers: Mapping[str, tuple[int, int]]
    """Language to the next order number, and to that of the next result to be sent."""
    running: Sequence[Unanswered]
    tenant: str = ""
    limited: bool = False
    """The tenant may have so many sessions only; this one was let in."""
    call: str = field(default_factory=lambda: uuid4().hex[:16])
    """Names this statement: made twice it has one effect."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What became of a session that its owner told about anew."""

    held: bool
    """False when another socket holds it rightly."""
    behind: bool
    """The ledger had lost something of it."""
    lost: int
    """Utterances that it had lost, which end in an error now."""


def epoch_of(cell_epoch: str, created_ms: int) -> str:
    """Name what offsets count from: they begin anew with the cell, and with the session's record."""
    return f"{cell_epoch}.{created_ms}"


class Sessions:
    """Typed calls of the session scripts."""

    def __init__(self, cell: Cell) -> None:
        self._cell = cell
        self._keys = cell.keys

    def open(
        self,
        session_id: str,
        instance: str,
        socket: str,
        profile: str,
        token: str = "",
        *,
        tenant: str = "",
        most: int = 0,
    ) -> tuple[str, str]:
        """Make a session, with the digest of its resume token; give its epoch and the former instance.

        Raises `OverQuota` where the tenant has ``most`` sessions open already; 0 is any number.
        """
        args: list[Part] = [instance, socket, profile, token, session_id, tenant, most]
        reply = self._cell.call("open_session", [self._keys.session(session_id)], args)
        return epoch_of(text(reply[1]), int(reply[3])), text(reply[2])

    def resume(self, session_id: str, instance: str, socket: str, token: str) -> Resumed | None:
        """Take a session over for a client that shows its token's digest; None when it is not there."""
        keys = [self._keys.session(session_id), self._keys.out(session_id)]
        reply = self._cell.call("resume_session", keys, [session_id, instance, socket, token])
        if not reply[0]:
            return None
        return _resumed(text(reply[1]), text(reply[2]), [text(item) for item in reply[3:]])

    def restore(self, sessions: Sequence[Held]) -> list[Restored]:
        """Bring the records up to what their owners know, in one round trip for all and one for releases."""
        replies = self._cell.calls("restore_session", [self._to_restore(held) for held in sessions])
        found = [
            Restored(bool(reply[0]), *((bool(reply[1]), int(reply[2])) if reply[0] else (False, 0)))
            for reply in replies
        ]
        turns = {
            (held.session_id, item.tgt_lang): None
            for held, restored in zip(sessions, found, strict=True)
            if restored.lost
            for item in held.running
        }
        while turns:
            more = self.release_all(list(turns))
            turns = {turn: None for turn, (_, is_more) in zip(turns, more, strict=True) if is_more}
        return found

    def detach(self, session_id: str, socket: str, next_index: int, audio_from: tuple[int, int]) -> bool:
        """Note that the socket was lost; False when another one holds the session."""
        keys = [self._keys.session(session_id), self._keys.out(session_id)]
        args: list[Part] = [session_id, socket, next_index, position(audio_from)]
        return bool(self._cell.call("detach_session", keys, args)[0])

    def refuse(self, session_id: str, socket: str, refusal: Refusal) -> bool:
        """Record that an utterance is not accepted.

        False, and nothing is recorded, when another socket holds the session, or the utterance was accepted
        after all by a call whose reply was lost.
        """
        audio_from = position(refusal.audio_from) if refusal.audio_from else ""
        args: list[Part] = [
            session_id, socket, refusal.next_index, audio_from, refusal.tgt_lang, refusal.events,
            refusal.main, refusal.token,
        ]  # fmt: skip
        keys = [self._keys.session(session_id), self._keys.request(refusal.request_id)]
        return bool(self._cell.call("refuse_utterance", keys, args)[0])

    def close(self, session_id: str, socket: str) -> bool:
        """Note that the client left; False when another socket holds the session."""
        key = self._keys.session(session_id)
        return bool(self._cell.call("close_session", [key], [session_id, socket])[0])

    def played(self, session_id: str, group_id: str, ended_ms: int) -> bool:
        """Count the group's window from now; False for a session that is gone.

        `ended_ms` is the client's clock and tells one play from another.
        """
        return bool(self._cell.call("note_play", [self._keys.session(session_id)], [group_id, ended_ms])[0])

    def store(self, result: ReadyResult) -> bool:
        """Keep the messages of an order number until its turn; False when it has ended already."""
        return bool(self._cell.call("store_result", *self._to_store(result))[0])

    def store_all(self, results: Sequence[ReadyResult], most: int = 64) -> list[bool]:
        """Do the same for several, in one round trip, and release up to ``most`` of each turn that has come.

        Of each is told whether more of its turn is ready. A number that has ended already is no news.
        """
        replies = self._cell.calls("store_result", [self._to_store(result, most) for result in results])
        return [bool(reply[0]) and bool(reply[2]) for reply in replies]

    def release(self, session_id: str, tgt_lang: str, most: int = 64) -> tuple[int, bool]:
        """Append the contiguous run to the out stream; give the next number and whether more is ready."""
        reply = self._cell.call("release_results", *self._to_release(session_id, tgt_lang, most))
        return int(reply[1]), bool(reply[2])

    def release_all(self, turns: Sequence[tuple[str, str]], most: int = 64) -> list[tuple[int, bool]]:
        """Do the same for several pairs of session and target language, in one round trip."""
        replies = self._cell.calls("release_results", [self._to_release(*turn, most) for turn in turns])
        return [(int(reply[1]), bool(reply[2])) for reply in replies]

    def _to_restore(self, held: Held) -> tuple[list[Part], list[Part]]:
        cell_epoch, _, created_ms = held.epoch.partition(".")
        running = [[item.tgt_lang, item.order, item.events, item.main] for item in held.running]
        return (
            [self._keys.session(held.session_id), self._keys.out(held.session_id)],
            [
                held.session_id, held.instance, held.socket, held.turn, held.token, held.profile, cell_epoch,
                created_ms, held.sent, held.next_index, position(held.audio_from),
                json.dumps(dict(held.numbers)), json.dumps(running, ensure_ascii=False), held.call,
                held.tenant, int(held.limited),
            ],
        )  # fmt: skip

    def _to_store(self, result: ReadyResult, most: int = 0) -> tuple[list[Part], list[Part]]:
        ready = self._keys.ready(result.session_id, result.tgt_lang)
        return (
            [self._keys.session(result.session_id), ready],
            [
                result.tgt_lang, result.order, int(result.grouped), result.speech, result.events, result.main,
                result.room, result.session_id, most,
            ],
        )  # fmt: skip

    def _to_release(self, session_id: str, tgt_lang: str, most: int) -> tuple[list[Part], list[Part]]:
        keys: list[Part] = [self._keys.session(session_id), self._keys.ready(session_id, tgt_lang)]
        return keys, [session_id, tgt_lang, most]


def position(audio_from: tuple[int, int]) -> str:
    """Write a place in the stream of audio, chunk and byte in it, as the ledger keeps it."""
    return f"{audio_from[0]}.{audio_from[1]}"


def _resumed(cell_epoch: str, first_id: str, record: Sequence[str]) -> Resumed:
    fields = dict(zip(record[::2], record[1::2], strict=True))
    created_ms, last = int(fields["created_ms"]), int(fields.get("out_seq", 0))
    made, _, number = first_id.partition("-")
    # Entries of a forerunner of the record go first, so all of its own are there behind them.
    first_kept = (int(number) if int(made) == created_ms else 1) if first_id else last + 1
    seq, _, offset = fields.get("audio_from", "0.0").partition(".")
    numbers = {
        kind: {
            name.removeprefix(f"{kind}:"): int(value)
            for name, value in fields.items()
            if name.startswith(f"{kind}:")
        }
        for kind in ("order", "released")
    }
    src, _, tgt = fields.get("pair", "").partition(" ")
    running = [
        (tgt, order)
        for tgt, accepted in numbers["order"].items()
        for order in range(numbers["released"].get(tgt, 0), accepted)
    ]
    return Resumed(
        epoch=epoch_of(fields.get("epoch", cell_epoch), created_ms),
        profile=fields["profile"],
        created_ms=created_ms,
        last=last,
        first_kept=first_kept,
        next_index=int(fields.get("next_index", 0)),
        audio_from=(int(seq), int(offset)),
        running=tuple(running),
        preferred_pool=fields.get("preferred", ""),
        turn=int(fields.get("turn", 0)),
        given=numbers["order"],
        released=numbers["released"],
        language_pair=(src, tgt),
    )
