"""Canaries: recordings whose text is known, by which a node that recognises nonsense is found out."""

import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Final, Literal

Verdict = Literal["right", "wrong", "nobody"]

#: A node's text is read so much further than the known one is long: it may be of any length.
_SPAN = 4
_SLACK_WORDS, _SLACK_CHARS = 32, 512
#: One letter a word where words are written without spaces: Thai to Khmer, kana, Han.
_WORD = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]|[^\W_]+")
_UNSPACED = re.compile(r"([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff])")
#: Failures that are not the node's: it was full, out of reach or lacks a model; or the server's own.
_BLAMELESS: Final = frozenset(
    {
        "NODE_OVERLOADED",
        "NODE_UNAVAILABLE",
        "WS_DISCONNECTED",
        "MODEL_NOT_AVAILABLE",
        "NO_AVAILABLE_NODE",
        "SCHEDULER_DEPENDENCY_DOWN",
        "INTERNAL_ERROR",
    }
)


@dataclass(frozen=True, slots=True)
class Likeness:
    """How like the known words what a node said is; never what it said."""

    ratio: float
    """0 for nothing in common, 1 for the very same words."""
    found: int
    """Known words that stand in it, in their order."""
    known: int


@dataclass(frozen=True, slots=True)
class Expected:
    """What a node must say, and how nearly."""

    text: str
    translation: str = ""
    """Empty where it is not judged."""
    least: float = 0.6
    """Least likeness, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording whose text is known."""

    file: Path
    source: str
    """Language it is in."""
    target: str
    """Language it is translated into."""
    expected: Expected

    @property
    def recording_id(self) -> str:
        """Name it in the ledger; with other known words it is another one."""
        said = [self.source, self.target, self.expected.text, self.expected.translation]
        return sha256(json.dumps(said).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Answer:
    """How the job of a canary ended."""

    state: str
    """As in the job's record: done, failed, cancelled, …"""
    code: str = ""
    """Error code of one that failed."""
    text: str = ""
    """What was recognised."""
    translation: str = ""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What an answer says of the node that gave it."""

    verdict: Verdict
    """``nobody``: it says nothing of any node."""
    words: str = ""
    """What was wrong, for operators and the node's owner; no word of a text."""


def words_of(text: str) -> list[str]:
    """Give the words of a text without case, punctuation and forms of letters."""
    return _WORD.findall(_UNSPACED.sub(r" \1 ", unicodedata.normalize("NFKC", text).casefold()))


def likeness(known: str, said: str) -> Likeness:
    """Compare two texts word by word. Of a text that is far longer, the beginning counts."""
    expected = words_of(known)
    found = words_of(said[: _SPAN * len(known) + _SLACK_CHARS])[: _SPAN * len(expected) + _SLACK_WORDS]
    matcher = SequenceMatcher(None, expected, found, autojunk=False)
    same = sum(block.size for block in matcher.get_matching_blocks())
    total = len(expected) + len(found)
    return Likeness(2 * same / total if total else 1.0, same, len(expected))


def judge(expected: Expected, answer: Answer) -> Judgement:
    """Say whether an answer is right, or whose fault it is that there is none."""
    if answer.state == "failed" and answer.code not in _BLAMELESS:
        return Judgement("wrong", f"gave no answer: {answer.code[:64]}")
    if answer.state != "done":
        return Judgement("nobody")
    heard = likeness(expected.text, answer.text)
    if heard.ratio < expected.least:
        return Judgement("wrong", f"recognised {_of(heard)}")
    if expected.translation:
        translated = likeness(expected.translation, answer.translation)
        if translated.ratio < expected.least:
            return Judgement("wrong", f"translated {_of(translated)}")
    return Judgement("right")


def next_node(
    weights: Mapping[str, int], tried_ms: Mapping[str, float], now_ms: float, chance: Random
) -> str:
    """Give the node whose turn it is, "" where there is none: by how long ago it was tried, times its weight.

    Those never tried come half of the time, by chance: who keeps coming back under a new id must not take
    the turns of all others.
    """
    fresh = sorted(weights.keys() - tried_ms.keys())
    known = sorted(weights.keys() & tried_ms.keys())
    if fresh and (not known or chance.random() < 0.5):
        return chance.choices(fresh, [weights[name] for name in fresh])[0]
    return max(known, key=lambda name: weights[name] * max(1.0, now_ms - tried_ms[name]), default="")


def of_tier(table: Mapping[str, int], tier: str, usual: int) -> int:
    """Give what a table says of a trust tier: ``*`` stands for each that is not named."""
    return table.get(tier, table.get("*", usual))


def _of(like: Likeness) -> str:
    """Say it in numbers: where all words stand in it, what was added makes it wrong."""
    words = f"{like.found} of {like.known} words"
    return f"{words}, and too many others" if like.found == like.known else words
