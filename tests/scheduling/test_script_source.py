"""What is sent of a script: no function that it does not use, and rare ones where they are needed."""

import re
from importlib.resources import files
from pathlib import Path

import pytest

from scheduling import scripts
from scheduling.script_source import BadScriptError, Line, expand, prune

FOLDER = files("lua")
GROUND = """-- ground: what all see.
local function key(id)
  return 'k:' .. id
end
"""
TOOLS = """-- tools: three functions and a table.
--@include ground
local NAMES = {
  one = 'first',
}

local function deep(id)
  return key(id) .. NAMES.one
end

local function shallow(id)
  return deep(id)
end

local function unused(id)
  return shallow(id)
end
"""


def source(folder: Path, text: str, **includes: str) -> str:
    (folder / "include").mkdir(exist_ok=True)
    for name, include in {"ground": GROUND, "tools": TOOLS, **includes}.items():
        (folder / "include" / f"{name}.lua").write_text(include, encoding="utf-8")
    (folder / "a.lua").write_text(text, encoding="utf-8")
    return "".join(f"{line.text}\n" for line in prune(expand(folder, "a.lua")))


def test_what_nothing_refers_to_is_left_out(tmp_path: Path) -> None:
    text = source(tmp_path, "--@include tools\nreturn deep(KEYS[1])\n")
    assert "function deep" in text
    assert "NAMES = {" in text
    assert "function shallow" not in text
    assert "function unused" not in text


def test_a_name_in_a_comment_is_no_use(tmp_path: Path) -> None:
    text = source(tmp_path, "--@include tools\n-- unlike shallow\nreturn key(KEYS[1])\n")
    assert "shallow(id)" not in text
    assert "NAMES = {" not in text


def test_a_late_include_brings_all_it_needs_but_the_ground(tmp_path: Path) -> None:
    late = "--@include ground\nlocal function rare()\n  --@include tools\n  return shallow('x')\nend\n"
    text = source(tmp_path, late + "return rare()\n")
    assert text.count("function key") == 1
    assert "\n  local function deep" in text
    assert text.index("function rare") < text.index("function deep")


def test_what_only_a_late_include_uses_is_not_made_outside(tmp_path: Path) -> None:
    text = source(
        tmp_path,
        "--@include tools\nlocal function rare()\n  --@include tools\n  return deep('x')\nend\n"
        "return {rare(), shallow('y')}\n",
    )
    assert text.count("\nlocal function deep") == 1, "shallow needs it"
    assert text.count("\n  local function deep") == 1
    assert text.count("function shallow") == 1, "inside nothing needs it"


def test_two_functions_have_late_includes_of_their_own(tmp_path: Path) -> None:
    one = "local function {0}()\n  --@include tools\n  return deep('{0}')\nend\n"
    text = source(tmp_path, "--@include ground\n" + one.format("a") + one.format("b") + "return {a(), b()}\n")
    assert text.count("  local function deep") == 2


def test_a_name_used_before_its_late_include_means_the_outer_one(tmp_path: Path) -> None:
    text = source(
        tmp_path,
        "--@include tools\nlocal function rare()\n  local first = deep('x')\n  --@include tools\n"
        "  return first .. deep('y')\nend\nreturn rare()\n",
    )
    assert "\nlocal function deep" in text


def test_a_function_without_an_end_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadScriptError, match=r"a\.lua:1: this has no end"):
        source(tmp_path, "local function open()\n  return 1\n")


def functions(lines: list[Line]) -> set[str]:
    return {match[1] for line in lines if (match := re.match(r" *local function (\w+)", line.text))}


@pytest.mark.parametrize("name", sorted(scripts.load_all()))
def test_what_is_left_out_is_called_nowhere(name: str) -> None:
    """The server would notice only when a script comes to such a call."""
    whole = expand(FOLDER, f"{name}.lua")
    kept = prune(whole)
    code = "\n".join(line.text.partition("--")[0] for line in kept)
    gone = functions(whole) - functions(kept)
    assert not [each for each in gone if re.search(rf"\b{each}\b", code)]
