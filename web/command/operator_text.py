"""Tables and times for people to read."""

from collections.abc import Iterator, Sequence
from shutil import get_terminal_size
from textwrap import wrap

#: Text is folded to the terminal, but neither narrower nor wider than these; in files to the third.
_LEAST, _MOST, _OF_FILES = 60, 110, 100
#: Where less than this is left for the last column, columns go below their rows.
_LAST = 24
_GAP = "  "
_UNITS = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1000, "s"))


def plain(text: object) -> str:
    """Give text as it may go to a terminal: what others wrote may hold control characters."""
    return "".join(char if char.isprintable() else "·" for char in str(text))


def width() -> int:
    """Give the columns that text is folded to: those of the terminal, within reason."""
    return max(_LEAST, min(_MOST, get_terminal_size((_OF_FILES, 24)).columns))


def table(heads: Sequence[str], rows: Sequence[Sequence[object]], indent: int = 0) -> str:
    """Align columns, numbers to the right; the last one is folded under itself, and trailing blanks go.

    Columns without any content are left out. Where the terminal is too narrow for all, the last ones stand
    below each row, with their names.
    """
    cells = [[plain(cell) for cell in row] for row in rows]
    kept = [at for at in range(len(heads)) if any(row[at] for row in cells)]
    grid = _Grid([heads[at] for at in kept], [[row[at] for at in kept] for row in cells], indent)
    return "\n".join(grid.lines(width()))


class _Grid:
    """Cells, as wide as they are."""

    def __init__(self, heads: list[str], rows: list[list[str]], indent: int) -> None:
        self._heads = heads
        self._rows = rows
        self._indent = " " * indent
        self._right = [
            bool(rows) and all(_is_number(row[at] or "0") for row in rows) for at in range(len(heads))
        ]
        self._widths = [max(len(row[at]) for row in [heads, *rows]) for at in range(len(heads))]

    def lines(self, wide: int) -> Iterator[str]:
        """Give the lines of a table so wide."""
        last = len(self._heads) - 1
        room = wide - self._left(last)
        if room >= min(_LAST, self._widths[-1]):
            for row in [self._heads, *self._rows]:
                yield from self._folded(row, last, room)
            return
        fitting = max((at for at in range(1, last + 1) if self._left(at) - len(_GAP) <= wide), default=1)
        yield self._fields(self._heads, fitting)
        for row in self._rows:
            yield self._fields(row, fitting)
            named = [f"{head.lower()}: {cell}" for head, cell in
                     zip(self._heads[fitting:], row[fitting:], strict=True) if cell]  # fmt: skip
            below = self._indent + " " * 4
            yield from _wrapped("; ".join(named), wide, below, below)

    def _left(self, count: int) -> int:
        """Give where the column after so many begins."""
        return len(self._indent) + sum(self._widths[:count]) + len(_GAP) * count

    def _fields(self, row: Sequence[str], count: int) -> str:
        cells = zip(row[:count], self._widths[:count], self._right[:count], strict=True)
        fields = [cell.rjust(wide) if right else cell.ljust(wide) for cell, wide, right in cells]
        return (self._indent + _GAP.join(fields)).rstrip()

    def _folded(self, row: Sequence[str], last: int, room: int) -> Iterator[str]:
        parts = [row[-1]] if self._right[-1] else _wrapped(row[-1], room) or [""]
        yield self._fields([*row[:-1], parts[0]], last + 1)
        for part in parts[1:]:
            yield " " * self._left(last) + part


def paragraph(text: str, indent: int = 0, hang: int = 0) -> str:
    """Fold a sentence, its first line after ``indent`` blanks, the others after as many more as ``hang``."""
    first, others = " " * indent, " " * (indent + hang)
    return "\n".join(_wrapped(plain(text), width(), first, others))


def span(ms: int | None) -> str:
    """Say a duration: ``0.4 s``, ``12 s``, ``3 min``."""
    if ms is None:
        return "?"
    if ms < 10_000:
        return f"{max(0, ms) / 1000:.1f} s"
    size, unit = next(item for item in _UNITS if ms >= item[0])
    return f"{ms // size} {unit}"


def count(number: int, one: str, many: str | None = None) -> str:
    """Say a number of things: ``1 node``, ``2 nodes``."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def some(items: Sequence[str], total: int, most: int = 6) -> str:
    """List the first of many: ``a, b, … (12 in all)``."""
    shown = ", ".join(items[:most])
    return f"{shown}, … ({total} in all)" if total > len(items[:most]) else shown


def _wrapped(text: str, wide: int, first: str = "", others: str = "") -> list[str]:
    """Fold at blanks alone: ids with hyphens stay whole, to be copied."""
    return wrap(text, wide, initial_indent=first, subsequent_indent=others, break_on_hyphens=False)


def _is_number(text: str) -> bool:
    return text.replace("/", "").isdecimal()
