"""The text frames a client gets for one entry of its session's out stream."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from json.encoder import encode_basestring as quoted
from typing import Any

from pydantic_core import from_json

from scheduling.ledger.cell import text


@dataclass(frozen=True, slots=True)
class OutEntry:
    """One released result."""

    entry_id: str
    tgt_lang: str
    order: int
    group: str
    part: int
    speech: str
    """Name of the speech body, empty for none."""
    events: str
    """JSON of what is sent before it, one a line."""
    main: str
    """Empty where only the events are for this session: its words are for the others in its room."""
    ref: str = ""
    """Name of a message that is kept once for all listeners of a room; everything else is in there."""

    @classmethod
    def parse(cls, raw: list[Any]) -> "OutEntry":
        """Read an entry as XRANGE gives it."""
        return cls.read(
            text(raw[0]), {text(k): text(v) for k, v in zip(raw[1][::2], raw[1][1::2], strict=True)}
        )

    @classmethod
    def read(cls, entry_id: str, fields: Mapping[str, str]) -> "OutEntry":
        """Read the fields of an entry."""
        if "ref" in fields:
            return cls(entry_id, "", -1, "", 0, "", "", "", fields["ref"])
        return cls(
            entry_id, fields["tgt"], int(fields["order"]), fields["group"], int(fields["part"]),
            fields["speech"], fields["events"], fields["main"],
        )  # fmt: skip

    @property
    def number(self) -> int:
        """Place in the stream, from 1: the ``offset`` that clients see."""
        return _parts(self.entry_id)[1]

    def is_about(self, job_id: str) -> bool:
        """Whether this is the end of a job; only its events name it when there is no result."""
        return job_id in self.main or job_id in self.events

    def recognised(self) -> str:
        """Give what the speaker said, "" for nothing."""
        return str(from_json(self.main).get("text_asr", ""))

    def frames(self, speech: str, *, with_offset: bool = False) -> list[str]:
        """Give the events and the result as text frames; ``speech`` is base64 and passes as it is."""
        frames = self.events.split("\n") if self.events else []
        main = self.main
        if not main:
            return frames
        if '"type":"translation_result"' in main[:30]:
            group = f',"group_id":{quoted(self.group)},"part_index":{self.part}' if self.group else ""
            sent_ms = time.time_ns() // 1_000_000
            main = f'{main[:-1]},"tts_audio":"{speech}","scheduler_sent_at_ms":{sent_ms}{group}}}'
        if with_offset:
            main = f'{main[:-1]},"offset":{self.number}}}'
        return [*frames, main]


def precedes(entry_id: str, other: str) -> bool:
    """Whether a stream id comes before another or is the same; "" comes before all."""
    return _parts(entry_id) <= _parts(other)


def follows(entry_id: str, other: str) -> bool:
    """Whether no entry can stand between: ids of a stream count on by one; "" is before the first."""
    stream, number = _parts(entry_id)
    before, last = _parts(other)
    return (number == 1 and not other) or (stream == before and number == last + 1)


def _parts(entry_id: str) -> tuple[int, int]:
    milliseconds, _, sequence = entry_id.partition("-")
    return int(milliseconds or -1), int(sequence or 0)
