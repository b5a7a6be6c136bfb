"""What one session said and what it was answered: whether each utterance ended, once, in its place.

What a session says is one long text in which no place looks like another, so each answer shows which stretch
of it was heard. The server may cut an utterance in two (a stalled connection is a pause to it), which is no
fault as long as all of it is answered.
"""

from dataclasses import dataclass, field

RATE = 8_000
CHUNKS = 4
CHUNK_BYTES = 512
SOUND_BYTES = CHUNKS * CHUNK_BYTES


@dataclass
class Said:
    """One utterance, and what became of it."""

    number: int
    spoken_s: float
    """When its last sound was sent, on the wall clock."""
    ended_s: float = 0.0
    outcome: str = "lost"
    """result, error, refused or lost."""
    code: str = ""
    job: str = ""


@dataclass(frozen=True)
class Answer:
    """What the server said about one piece of audio: its text, or why there is none."""

    index: int
    at_s: float
    text: str = ""
    outcome: str = "result"
    code: str = ""
    job: str = ""


@dataclass
class Transcript:
    """Of one session, see the module."""

    name: str
    said: list[Said] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    duplicated: int = 0
    misordered: int = 0
    _needless: int = 0
    """Answers without result where all that was said had its result."""

    def say(self, now_s: float) -> bytes:
        """Note that one more utterance is spoken, and give its sound."""
        self.said.append(Said(len(self.said), now_s))
        return sound(self.name, len(self.said) - 1)

    def spoken(self, now_s: float) -> None:
        """Note that the last one was spoken to its end just now."""
        self.said[-1].spoken_s = now_s

    def settle(self) -> None:
        """Find what became of each utterance; what no answer is about is lost."""
        heard = [self._heard(answer) for answer in self.answers if answer.outcome == "result"]
        self._check_order([at for at in heard if at >= 0])
        silent = [answer for answer in self.answers if answer.outcome != "result"]
        place, pending = 0, []
        for answer in sorted(self.answers, key=lambda answer: answer.index):
            at = self._heard(answer)
            if answer.outcome != "result":
                pending.append(answer)
            elif at >= 0:
                self._fill(place, at, pending)
                self._mark(at, at + len(answer.text), answer)
                place, pending = max(place, at + len(answer.text)), []
        self._fill(place, len(self.said) * SOUND_BYTES, pending)
        self._end(silent)

    def _heard(self, answer: Answer) -> int:
        """Give the place of an answer in what was said, -1 for what nobody said."""
        return self._text.find(answer.text) if answer.text else -1

    @property
    def _text(self) -> str:
        return "".join(sound(self.name, said.number).decode() for said in self.said)

    def _check_order(self, places: list[int]) -> None:
        """Count what came twice, and what came before something said earlier."""
        seen: set[int] = set()
        last = -1
        for place in places:
            if place in seen:
                self.duplicated += 1
            elif place < last:
                self.misordered += 1
            seen.add(place)
            last = max(last, place)
        strange = sum(1 for each in self.answers if each.outcome == "result" and self._heard(each) < 0)
        if strange:
            self.complaints.append(f"{self.name}: {strange} results of what nobody said")

    def _mark(self, start: int, end: int, answer: Answer) -> None:
        """Note the result of a stretch: an utterance ends with the answer to its last piece."""
        for said in self.said[start // SOUND_BYTES : (end - 1) // SOUND_BYTES + 1]:
            if said.outcome in ("lost", "result") and not said.code:
                said.outcome, said.ended_s, said.job = "result", answer.at_s, answer.job

    def _fill(self, start: int, end: int, pending: list[Answer]) -> None:
        """Deal with a stretch of which no result came: its utterances ended as told, or are lost."""
        if end <= start:
            self._needless += len(pending)
            return
        unheard = self.said[start // SOUND_BYTES : (end - 1) // SOUND_BYTES + 1]
        for place, said in enumerate(unheard):
            if not pending:
                said.outcome, said.code, said.ended_s = "lost", "LOST", 0.0
                self.complaints.append(f"{self.name}: utterance {said.number} is lost")
                continue
            # Where utterances were cut in pieces, an error counts before a refusal.
            one_each = len(pending) == len(unheard)
            answer = pending[place] if one_each else min(pending, key=lambda each: each.outcome)
            said.outcome, said.code = answer.outcome, answer.code
            said.job, said.ended_s = answer.job, answer.at_s

    def _end(self, silent: list[Answer]) -> None:
        """Tell of errors and refusals of which nothing was missing, or that came twice.

        An utterance that was cut in two may be refused twice: then each piece has an index of its own.
        """
        twice = len(silent) - len({answer.index for answer in silent})
        if self._needless or twice:
            self.complaints.append(
                f"{self.name}: {self._needless} answers without result of what had one, {twice} told twice"
            )


def sound(name: str, number: int) -> bytes:
    """Give the sound of an utterance, which echo hears as this text; no two stretches of it are alike."""
    blocks = "".join(f"{name}.{number}.{block} " for block in range(SOUND_BYTES // 8))
    return blocks[:SOUND_BYTES].encode()
