"""What is sent to the server of a script: its includes in place, without the functions it does not need.

A line ``--@include name`` pulls in ``lua/include/<name>.lua``, once each, however often it is asked for.
An indented one stands in a function and is *late*: what it brings is made when that function is called, not
before. It sees `SHARED` of what stands outside and brings everything else it needs along.

The server makes every function of a script anew on each call, about 1 µs each: of 80 functions that is more
than what a typical script spends on its commands. So functions and constants of which nothing is used are
left out, and what is rarely needed is included late.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources.abc import Traversable

INCLUDE = re.compile(r"^(?P<indent> *)--@include (?P<name>[a-z][a-z0-9_]*)\s*$")
#: The include that late ones find outside; it has what a script knows of its call.
SHARED = "include/ground.lua"
_UNIT = re.compile(r"^(?P<indent> *)local (?:function (?P<function>\w+)\(|(?P<constant>[A-Z][A-Z0-9_]*) = )")
_NAME = re.compile(r"[A-Za-z_]\w*")
_COMMENT = re.compile(r"--.*")


class BadScriptError(Exception):
    """A file of ``lua/`` is missing, malformed, or includes itself; raised when it is loaded."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a script."""

    text: str
    origin: str
    """The ``file:line`` it was written in."""


def expand(folder: Traversable, path: str) -> list[Line]:
    """Give a script's lines with every include in place. Raises `BadScriptError`."""
    return list(_expand(folder, path, (), set()))


def prune(lines: Sequence[Line]) -> list[Line]:
    """Leave out local functions, and constants in capitals, that nothing refers to."""
    parts = list(_parts(lines))
    kept = {at for at, part in enumerate(parts) if part.name is None}
    wanted = {name for at in kept for name in parts[at].names}
    while more := {at for at, part in enumerate(parts) if at not in kept and part.name in wanted}:
        kept |= more
        wanted |= {name for at in more for name in parts[at].names}
    return [line for at, part in enumerate(parts) if at in kept for line in part.lines]


def read(folder: Traversable, path: str, stack: tuple[str, ...] = ()) -> str:
    """Read a file of a folder laid out like ``lua/``. Raises `BadScriptError`."""
    try:
        return folder.joinpath(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        asked = f" (included by {' > '.join(stack)})" if stack else ""
        raise BadScriptError(f"there is no lua/{path}{asked}") from None


def _expand(folder: Traversable, path: str, stack: tuple[str, ...], known: set[str]) -> Iterator[Line]:
    if path in stack:
        raise BadScriptError("an include includes itself: " + " > ".join((*stack, path)))
    if path in known:
        return
    known.add(path)
    late: dict[int, set[str]] = {}
    for number, text in enumerate(read(folder, path, stack).splitlines(), start=1):
        if text.strip():
            late = {depth: names for depth, names in late.items() if depth <= _depth(text)}
        if directive := INCLUDE.match(text):
            indent = directive["indent"]
            inside = late.setdefault(len(indent), {SHARED}) if indent else known
            for line in _expand(folder, f"include/{directive['name']}.lua", (*stack, path), inside):
                yield Line(indent + line.text, line.origin) if indent and line.text else line
        elif text.lstrip().startswith("--@"):
            raise BadScriptError(f"{path}:{number}: not a directive: {text!r}")
        else:
            yield Line(text, f"{path}:{number}")


@dataclass(frozen=True, slots=True)
class _Part:
    """A local function or constant, or a line that is part of none."""

    lines: list[Line]
    names: frozenset[str]
    """What it refers to."""
    name: str | None = None
    """What it defines."""


def _parts(lines: Sequence[Line]) -> Iterator[_Part]:
    at = 0
    while at < len(lines):
        unit = _UNIT.match(lines[at].text)
        size = _size(lines, at, unit) if unit else 1
        part = list(lines[at : at + size])
        if unit and unit["function"] and size > 1:
            part = [part[0], *prune(part[1:-1]), part[-1]]
        name = (unit["function"] or unit["constant"]) if unit else None
        yield _Part(part, _names(part), name)
        at += size


def _size(lines: Sequence[Line], first: int, unit: re.Match[str]) -> int:
    """Count the lines of a function or constant: it ends where its indentation comes back."""
    text = lines[first].text
    open_ended = not re.search(r"\bend$", text) if unit["function"] else text.rstrip().endswith("{")
    if not open_ended:
        return 1
    last = unit["indent"] + ("end" if unit["function"] else "}")
    for at in range(first + 1, len(lines)):
        if lines[at].text == last:
            return at - first + 1
    raise BadScriptError(f"{lines[first].origin}: this has no end: {text!r}")


def _names(part: Sequence[Line]) -> frozenset[str]:
    """Give the names in the code of a part, without those that stand for a function inside it."""
    used: set[str] = set()
    inner: dict[str, int] = {}
    for number, line in enumerate(part):
        depth, defined, names = _code(line.text)
        if depth is None:
            continue
        if inner:
            inner = {name: at for name, at in inner.items() if at <= depth}
        if number and defined:
            inner.setdefault(defined, depth)
        used.update(names - inner.keys() if inner else names)
    return frozenset(used)


@lru_cache(maxsize=2**13)
def _code(text: str) -> tuple[int | None, str | None, frozenset[str]]:
    """Give the depth of a line's code, None where it has none, what it defines, and the names in it.

    Lines are remembered: those of an include are looked at for each script that has it.
    """
    code = _COMMENT.sub("", text)
    if not code.strip():
        return None, None, frozenset()
    unit = _UNIT.match(code)
    defined = (unit["function"] or unit["constant"]) if unit else None
    return _depth(code), defined, frozenset(_NAME.findall(code))


def _depth(text: str) -> int:
    return len(text) - len(text.lstrip(" "))
