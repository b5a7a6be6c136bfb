"""The commands that documents tell people to type."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

#: Languages of fenced blocks that are typed into a shell; in `console` only lines with a prompt are.
SHELLS = {"sh", "bash", "shell", "console", "text", ""}
#: What a command may begin with; other indented blocks are answers, drawings and messages.
PROGRAMS = re.compile(
    r"(?:[A-Z_]+=\S* )*(?:sudo )?(?:\S*/)?(?:make|speech-dispatch|python3?|pip|npm|npx|node|curl|echo|printf|git|"
    r"redis-cli|valkey-cli|docker|docker-compose|podman|kubectl|helm|systemctl|journalctl|apt-get|openssl|nginx|"
    r"caddy|promtool|export|cp|mkdir|install|useradd|loginctl|sysctl|\.ci/\w+)(?: |$)"
)


@dataclass(frozen=True, slots=True)
class Command:
    """A line to type, and where it stands."""

    text: str
    page: str
    line: int

    def __str__(self) -> str:
        return f"{self.page}:{self.line}: {self.text}"


def commands_of(text: str, page: str) -> Iterator[Command]:
    """Give the commands of a document, without comments; lines that end in a backslash go on."""
    for first, block in _blocks(text):
        yield from _commands(first, block, page)


def _commands(first: int, block: list[str], page: str) -> Iterator[Command]:
    lines = [(first + at, line) for at, line in enumerate(block)]
    prompted = [(at, line[2:]) for at, line in lines if line.startswith("$ ")]
    if not prompted and not any(PROGRAMS.match(line) for line in block[:1]):
        return
    whole, begun = "", 0
    for at, line in prompted or lines:
        whole, begun = (whole + line.strip(), begun) if whole else (line.rstrip(), at)
        if whole.endswith("\\"):
            whole = whole[:-1]
            continue
        said = re.sub(r"(?:^|\s+)# .*$|^#.*$", "", whole).strip()
        whole = ""
        if said:
            yield Command(said, page, begun)


def _blocks(text: str) -> Iterator[tuple[int, list[str]]]:
    """Give fenced blocks of shells and indented blocks, with the number of their first line."""
    fence, language, block, first = "", "", [], 0
    was_blank = True
    for at, line in enumerate(text.splitlines(), 1):
        marker = re.match(r"^\s*(```+|~~~+)\s*(\w*)", line)
        if marker and not fence:
            fence, language, block, first = marker[1], marker[2], [], at + 1
        elif fence:
            if line.strip() == fence:
                if language in SHELLS:
                    yield first, block
                fence, block, was_blank = "", [], True
            else:
                block.append(line)
        elif line.startswith("    ") and (block or was_blank):
            first = first if block else at
            block.append(line[4:])
        elif block and line.strip():
            yield first, block
            block, was_blank = [], False
        else:
            if not line.strip() and block:
                yield first, block
                block = []
            was_blank = not line.strip() or line.startswith("#")
    if block and not fence:
        yield first, block
