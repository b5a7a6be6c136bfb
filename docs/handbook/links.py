"""Links of the documents, which are written for a code host, as the site has them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

#: Documents at the top of the repository, and their places in the site.
TOP = {
    "README.md": "index.md",
    "README.zh-CN.md": "index.zh-CN.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
}
_LINK = re.compile(
    r"(?:(?<=\]\()|(?<=src=\")|(?<=srcset=\"))"  # of Markdown, and of pictures in HTML
    r"(?![a-z][a-z0-9+.-]*:|#)([^)\s#\"]+)(#[^)\s\"]*)?(?=[)\s\"])"
)
_FENCE = re.compile(r"^ {0,3}(```|~~~)")
_ITEM = re.compile(r"^(?:[-*+]|1\.) ")


def place_of(path: str) -> str:
    """Say where a file of the repository stands in the site; texts outside of ``docs/`` get a page each."""
    if path in TOP:
        return TOP[path]
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    return f"source/{path}.md"


def source_of(place: str) -> str:
    """Say which file of the repository a page is made from: `place_of` the other way round."""
    back = {place: path for path, place in TOP.items()}
    return back.get(place) or f"docs/{place}"


def targets(text: str, path: str) -> Iterator[str]:
    """Give the files of the repository that a document at ``path`` links to, there or not."""
    for is_text, line in _lines(text):
        if is_text:
            yield from (_target(found[1], path) for found in _LINK.finditer(line))


def for_site(text: str, path: str, exists: Callable[[str], bool]) -> str:
    """Rewrite a document at ``path`` for the site.

    Links lead to the target's place there. A target that is nowhere is left as it is, for the strict build
    to find. A list that follows its introduction without an empty line is set apart, as code hosts show it.
    """
    here = PurePosixPath(place_of(path)).parent.as_posix()

    def moved(found: re.Match[str]) -> str:
        target = _target(found[1], path)
        if not exists(target):
            return found[0]
        return os.path.relpath(place_of(target), here) + (found[2] or "")

    lines: list[str] = []
    for is_text, line in _lines(text):
        if is_text and _ITEM.match(line) and lines and _is_paragraph(lines[-1]):
            lines.append("")
        lines.append(_LINK.sub(moved, line) if is_text else line)
    return "\n".join(lines) + "\n"


def as_page(path: Path, name: str) -> str:
    """Show a file of the repository, or what is in a folder, as a page."""
    if path.is_dir():
        inside = sorted(
            each.name + "/" * each.is_dir() for each in path.iterdir() if each.name[0] not in "._"
        )
        return f"# {name}\n\n" + "\n".join(f"* `{each}`" for each in inside) + "\n"
    language = {".py": "python", ".js": "javascript", ".mjs": "javascript", ".sh": "bash", ".lua": "lua"}
    code = path.read_text(encoding="utf-8")
    return f"# {name}\n\n````{language.get(path.suffix, 'text')}\n{code}\n````\n"


def _target(link: str, path: str) -> str:
    return os.path.normpath(PurePosixPath(path).parent / link)


def _lines(text: str) -> Iterator[tuple[bool, str]]:
    """Give each line, and whether it is text rather than code."""
    fenced = False
    for line in text.splitlines():
        is_fence = bool(_FENCE.match(line))
        yield not fenced and not is_fence and not line.startswith("    "), line
        fenced ^= is_fence


def _is_paragraph(line: str) -> bool:
    return bool(line.strip()) and not line.startswith((" ", "#", "|", "-", "*", "+", "1."))
