"""The Lua scripts as Python sees them: includes expanded, header parsed, digest computed once.

A script is one file of ``lua/``; what several scripts share stands in ``lua/include/`` and is pulled in
(`scheduling.script_source`). The head comment of a script is its signature: what it is for, its ``KEYS``,
its ``ARGV`` and its ``REPLY``. ``tests/lua/test_headers.py`` holds every file to it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha1
from importlib.resources import files
from importlib.resources.abc import Traversable

from scheduling.script_source import INCLUDE, BadScriptError, expand, prune, read

_SECTION = re.compile(r"^-- (?P<section>KEYS|ARGV|REPLY)\s*$")
_ENTRY = re.compile(r"^-- {1,4}(?P<number>\d+)(?P<rest>\.\.)? +(?P<name>[a-z][a-z0-9_]*)\b")
_ERROR_LINE = re.compile(r"user_script:(?P<line>\d+)")


@dataclass(frozen=True, slots=True)
class Script:
    """One atomic operation on the ledger."""

    name: str
    purpose: str
    """The first sentence of its header."""
    keys: tuple[str, ...]
    """What each ``KEYS[n]`` is, from 1."""
    args: tuple[str, ...]
    """What each ``ARGV[n]`` is, from 1; the last stands for all the rest when ``variadic``."""
    variadic: bool
    """Whether the last key or argument may be given any number of times."""
    source: str = field(repr=False)
    """What is sent to the server: with every include in place, without what it does not use."""
    sha1: str
    """The 40 hex digits by which the server knows ``source``."""
    origins: tuple[str, ...] = field(repr=False, default=())
    """Of each line of ``source``, the ``file:line`` it was written in."""

    def locate(self, error: str) -> str:
        """Put files and lines of ``lua/`` where the server, in an error text, counted lines of ``source``."""
        return _ERROR_LINE.sub(self._origin, error)

    def _origin(self, match: re.Match[str]) -> str:
        line = int(match["line"])
        return self.origins[line - 1] if 0 < line <= len(self.origins) else match[0]


@dataclass(frozen=True, slots=True)
class Header:
    """The head comment of a script, parsed."""

    name: str
    purpose: str
    keys: tuple[str, ...]
    args: tuple[str, ...]
    more_keys: bool
    """Whether the last key stands for all the rest."""
    more_args: bool
    """Whether the last argument stands for all the rest."""


@cache
def load(name: str) -> Script:
    """Read ``lua/<name>.lua``; the same object every time. Raises `BadScriptError`."""
    return load_from(files("lua"), name)


@cache
def load_all() -> dict[str, Script]:
    """Every script by name, in order of name. Raises `BadScriptError` for the first bad one."""
    names = sorted(entry.name for entry in files("lua").iterdir() if entry.name.endswith(".lua"))
    return {name.removesuffix(".lua"): load(name.removesuffix(".lua")) for name in names}


def load_from(folder: Traversable, name: str) -> Script:
    """Read a script from another folder laid out like ``lua/``. Raises `BadScriptError`."""
    header = parse_header(name, read(folder, f"{name}.lua"))
    lines = prune(expand(folder, f"{name}.lua"))
    source = "".join(f"{line.text}\n" for line in lines)
    return Script(
        name=name,
        purpose=header.purpose,
        keys=header.keys,
        args=header.args,
        variadic=header.more_keys or header.more_args,
        source=source,
        sha1=sha1(source.encode(), usedforsecurity=False).hexdigest(),
        origins=tuple(line.origin for line in lines),
    )


def parse_header(name: str, text: str) -> Header:
    """Parse the head comment of the script ``name``. Raises `BadScriptError`."""
    head = list(_head(text))
    if not head or not head[0].startswith(f"-- {name}: "):
        raise BadScriptError(f"{name}.lua: the first line must be '-- {name}: what it does'")
    keys, more_keys = _entries(name, head, "KEYS")
    args, more_args = _entries(name, head, "ARGV")
    return Header(name, _purpose(head), keys, args, more_keys, more_args)


def _head(text: str) -> Iterator[str]:
    for line in text.splitlines():
        if not line.startswith("--") or INCLUDE.match(line):
            return
        yield line


def _purpose(head: list[str]) -> str:
    """Give the first paragraph, without the name."""
    paragraph = []
    for line in head:
        if line.rstrip() == "--" or _SECTION.match(line):
            break
        paragraph.append(line.removeprefix("--").strip())
    return " ".join(paragraph).partition(": ")[2]


def _entries(name: str, head: list[str], section: str) -> tuple[tuple[str, ...], bool]:
    """Give the names numbered under a section, and whether the last one stands for all the rest."""
    names: list[str] = []
    variadic = False
    for match in _numbered(head, section):
        if variadic or int(match["number"]) != len(names) + 1:
            raise BadScriptError(f"{name}.lua: {section} {match['number']} {match['name']} is out of order")
        names.append(match["name"])
        variadic = match["rest"] is not None
    return tuple(names), variadic


def _numbered(head: list[str], section: str) -> Iterator[re.Match[str]]:
    current = ""
    for line in head:
        if started := _SECTION.match(line):
            current = started["section"]
        elif current == section and (entry := _ENTRY.match(line)):
            yield entry
