"""The commands that documents tell people to type."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

#: Languages of fenced blocks that are typed into a shell, whatever they say, and of those that may be.
SHELLS = {"sh", "bash", "shell"}
PERHAPS = {"console", "text", ""}
#: What a command may begin with; other indented blocks are answers, drawings and messages.
PROGRAMS = re.compile(
    r"(?:[A-Z_]+=\S* )*(?:sudo )?(?:\S*/)?"
    r"(?:make|speech-dispatch|python3?|pip|npm|npx|node|curl|echo|printf|git|redis-cli|valkey-cli|docker|"
    r"docker-compose|podman|kubectl|helm|systemctl|journalctl|apt-get|openssl|nginx|caddy|promtool|export|cp|"
    r"mkdir|install|useradd|loginctl|sysctl|\.ci/\w+)(?: (?!\w+:)|$)"
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
    for first, block, is_shell in _blocks(text):
        first_said = next((line for line in block if not line.startswith("#")), "")
        if is_shell or PROGRAMS.match(first_said) or any(line.startswith("$ ") for line in block):
            yield from _commands(first, block, page)


def _commands(first: int, block: list[str], page: str) -> Iterator[Command]:
    lines = [(first + at, line) for at, line in enumerate(block)]
    prompted = [(at, line[2:]) for at, line in lines if line.startswith("$ ")]
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


def _blocks(text: str) -> Iterator[tuple[int, list[str], bool]]:
    """Give blocks that may be commands: the number of the first line, the lines, whether they must be."""
    fence, language, first = "", "", 0
    block: list[str] = []
    was_blank = True
    for at, line in enumerate(text.splitlines(), 1):
        marker = re.match(r"^\s*(```+|~~~+)\s*(\w*)", line)
        if marker and not fence:
            fence, language, block, first = marker[1], marker[2], [], at + 1
        elif fence:
            if line.strip() == fence:
                if language in SHELLS | PERHAPS:
                    yield first, block, language in SHELLS
                fence, block, was_blank = "", [], True
            else:
                block.append(line)
        elif line.startswith("    ") and (block or was_blank):
            first = first if block else at
            block.append(line[4:])
        else:
            if block:
                yield first, block, False
                block = []
            was_blank = not line.strip() or line.startswith("#")
    if block and not fence:
        yield first, block, False
