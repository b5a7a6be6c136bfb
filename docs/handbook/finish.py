"""What is done to a page when its HTML is there: its language is said, and long names may be broken."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

_CELL = re.compile(r"(?<=</td>\n)<td\b.*?</td>", re.DOTALL)
_CODE = re.compile(r"(?<=<code>)[^<]+(?=</code>)")
#: A name that would take half of a page's width.
_LONG = re.compile(r"(?<=<code>)[^<]{30,}(?=</code>)")
_FIRST = re.compile(r"(?<=<tr>\n)<td\b.*?</td>", re.DOTALL)
_JOINT = re.compile(r"(?<=[_/.,=])(?=\w)")


def language_of(place: str) -> str:
    """Give the language that the name of a page states, as in ``index.zh-CN.md``; "" where it states none."""
    return PurePosixPath(place).stem.partition(".")[2]


def in_language(html: str, language: str) -> str:
    """Say in which language a page is: browsers choose fonts and voices by it."""
    return html.replace('<html lang="en"', f'<html lang="{language}"', 1) if language else html


def breakable(html: str) -> str:
    """Let names in tables break at their joints; in first columns, by which one looks, only the longest."""
    html = _CELL.sub(lambda cell: _CODE.sub(_broken, cell[0]), html)
    return _FIRST.sub(lambda cell: _LONG.sub(_broken, cell[0]), html)


def _broken(name: re.Match[str]) -> str:
    return _JOINT.sub("<wbr>", name[0])
