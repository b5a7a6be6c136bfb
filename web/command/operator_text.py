"""Tables and times for people to read."""

from collections.abc import Sequence
from textwrap import wrap

#: Text is folded here; tables may be a little wider when ids are long.
WIDTH = 100
_GAP = "  "
_UNITS = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1000, "s"))


def plain(text: object) -> str:
    """Give text as it may go to a terminal: what others wrote may hold control characters."""
    return "".join(char if char.isprintable() else "·" for char in str(text))


def table(heads: Sequence[str], rows: Sequence[Sequence[object]], indent: int = 0) -> str:
    """Align columns, numbers to the right; the last one is folded under itself, and trailing blanks go.

    Columns without any content are left out.
    """
    cells = [[plain(cell) for cell in row] for row in rows]
    kept = [at for at in range(len(heads)) if any(row[at] for row in cells)]
    heads = [heads[at] for at in kept]
    cells = [[row[at] for at in kept] for row in cells]
    right = [bool(cells) and all(_is_number(row[at] or "0") for row in cells) for at in range(len(heads))]
    widths = [max(len(row[at]) for row in [list(heads), *cells]) for at in range(len(heads))]
    left = indent + sum(widths[:-1]) + len(_GAP) * (len(widths) - 1)
    lines = []
    for row in [list(heads), *cells]:
        fields = [cell.rjust(wide) if flush else cell.ljust(wide) for cell, wide, flush in
                  zip(row[:-1], widths[:-1], right[:-1], strict=True)]  # fmt: skip
        last = wrap(row[-1], max(24, WIDTH - left)) or [""]
        last = [last[0].rjust(widths[-1])] if right[-1] else last
        lines.append((" " * indent + _GAP.join([*fields, last[0]])).rstrip())
        lines += [" " * left + more for more in last[1:]]
    return "\n".join(lines)


def paragraph(text: str, indent: int = 0) -> str:
    """Fold a sentence."""
    space = " " * indent
    return "\n".join(wrap(plain(text), WIDTH, initial_indent=space, subsequent_indent=space))


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


def _is_number(text: str) -> bool:
    return text.replace("/", "").isdecimal()
