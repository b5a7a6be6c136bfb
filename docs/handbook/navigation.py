"""The order in which the site shows its pages, made from the pages that are there."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any

#: As MkDocs wants it: a page, or a title with what is below it.
Entry = Any

#: Sections in reading order, and what stands in each: a page, or a folder for all that is in it. A page that
#: is named here and not there is left out; one that is there and not named stands at the end, under "More".
SECTIONS = {
    "Start": ("index.md", "index.zh-CN.md"),
    "Use": ("clients.md", "nodes.md", "rooms.md", "pools.md"),
    "Operate": (
        "deploying.md", "deploy/", "operations.md", "operating.md", "monitoring.md", "security.md",
        "privacy.md", "limits.md", "settings.md", "memory.md", "reliability.md", "performance.md",
    ),
    "Protocol": ("protocol.md", "delivery.md", "errors.md", "api.md"),
    "Internals": ("architecture.md", "placement.md", "contributing.md", "changelog.md"),
}  # fmt: skip
REST = "More"
#: Pages that are called otherwise than by their first heading.
NAMES = {"index.md": "English", "index.zh-CN.md": "中文"}
#: Texts of the repository that are linked to: they belong to no section.
UNLISTED = "source/"


def navigation(pages: Iterable[str]) -> list[Entry]:
    """Put the pages, by their places in the site, into sections; each page is in exactly one."""
    left = sorted(page for page in pages if not page.startswith(UNLISTED))
    found: list[tuple[str, list[str]]] = []
    for title, members in SECTIONS.items():
        inside = [page for member in members for page in left if _stands_for(member, page)]
        left = [page for page in left if page not in inside]
        found.append((title, inside))
    sections: list[Entry] = [{title: _nested(inside)} for title, inside in found if inside]
    return [*sections, {REST: _nested(left)}] if left else sections


def markdown_below(folder: Path) -> list[str]:
    """List the pages in a folder, as places relative to it."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.md"))


def _stands_for(member: str, page: str) -> bool:
    return page.startswith(member) if member.endswith("/") else page == member


def _nested(pages: list[str]) -> list[Entry]:
    """Keep the pages of a folder together, under its name; MkDocs names each page by its heading."""
    entries: list[Entry] = []
    folders: dict[str, list[Entry]] = {}
    for page in pages:
        name = PurePosixPath(page).parent.name.capitalize()
        if not name:
            entries.append({NAMES[page]: page} if page in NAMES else page)
            continue
        if name not in folders:
            folders[name] = []
            entries.append({name: folders[name]})
        folders[name].append(page)
    return entries
