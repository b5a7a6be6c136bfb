"""Pages of what stands in a sorted set: a cursor says where the next begins, though entries come and go."""

from collections.abc import Sequence

from scheduling.ledger.cell import text


class BadCursor(ValueError):
    """A cursor that no page has given."""


def scored(found: Sequence[bytes]) -> list[tuple[str, int]]:
    """Read members with their scores, in order."""
    return [(text(member), int(float(score))) for member, score in zip(found[::2], found[1::2], strict=True)]


def read_cursor(cursor: str, first: str = "-inf") -> tuple[str, int]:
    """Read a cursor: a score, and how many entries of that score were given already. Raises `BadCursor`."""
    if not cursor:
        return first, 0
    score, sign, skip = cursor.partition("-")
    if not (sign and score.isdecimal() and skip.isdecimal()):
        raise BadCursor(f"{cursor[:40]!r} is no cursor. Send the next_cursor of the page before.")
    return score, int(skip)


def next_cursor(entries: Sequence[tuple[str, int]], start: str, skip: int) -> str:
    """Give the cursor that goes on behind the last of these entries."""
    last = entries[-1][1]
    given = sum(1 for _, score in entries if score == last)
    return f"{last}-{given + (skip if str(last) == start else 0)}"
