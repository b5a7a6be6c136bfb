"""Every script says exactly what it takes: a wrong header would mislead every caller of it."""

import re
from importlib.resources import files
from pathlib import Path

import pytest
import redis

from scheduling import scripts
from scheduling.scripts import BadScriptError

SCRIPTS = sorted(scripts.load_all())
INCLUDES = sorted(
    path.name for path in files("lua").joinpath("include").iterdir() if path.name.endswith(".lua")
)

HEADER = """\
-- place: put one job
-- on a slot.
--
-- Free text with a number:
--   1 not an entry
-- KEYS
--   1 cell     root hash
--              of the cell
-- ARGV
--   1 job      its id
--   2.. pools  preferred first
-- REPLY
--   1 what it says
"""


def code(source: str) -> str:
    """Strip the comments."""
    return re.sub(r"--[^\n]*", "", re.sub(r"--\[\[.*?\]\]", "", source, flags=re.DOTALL))


def indexes(source: str, table: str) -> set[int]:
    return {int(number) for number in re.findall(rf"\b{table}\[(\d+)\]", source)}


def taken_whole(source: str, table: str) -> bool:
    """Whether the table is also read other than by a literal index."""
    return re.search(rf"\b{table}\b(?!\[\d+\])", source) is not None


@pytest.mark.parametrize("name", SCRIPTS)
@pytest.mark.parametrize("table", ["KEYS", "ARGV"])
def test_header_lists_what_the_script_uses(name: str, table: str) -> None:
    script = scripts.load(name)
    header = scripts.parse_header(name, script.source)
    stated = header.keys if table == "KEYS" else header.args
    rest = header.more_keys if table == "KEYS" else header.more_args
    source = code(script.source)
    used, fixed = indexes(source, table), set(range(1, len(stated) + 1 - rest))
    assert fixed <= used, f"{name} never reads {table} {sorted(fixed - used)}"
    assert rest or used <= fixed, (
        f"{name} reads {table} {sorted(used - fixed)} which its header does not list"
    )
    assert taken_whole(source, table) <= rest, f"{name} takes all of {table}: its header needs 'n..'"


@pytest.mark.parametrize("name", SCRIPTS)
def test_header_is_complete(name: str) -> None:
    script = scripts.load(name)
    assert script.keys, "a script without a declared key has no place in a cluster"
    assert script.purpose.endswith(".")
    assert "\n-- REPLY\n" in script.source


@pytest.mark.parametrize("name", INCLUDES)
def test_include_is_a_library(name: str) -> None:
    text = files("lua").joinpath("include", name).read_text(encoding="utf-8")
    assert re.match(r"-- \S", text), "an include says in its first line what it gives"
    assert not re.search(r"\b(KEYS|ARGV)\b", code(text)), (
        "an include takes parameters, not the script's arguments"
    )


def write(folder: Path, **texts: str) -> Path:
    (folder / "include").mkdir(exist_ok=True)
    for name, text in texts.items():
        path = folder / "include" / name if name.startswith("inc_") else folder / name
        path.with_suffix(".lua").write_text(text, encoding="utf-8")
    return folder


def test_header_is_parsed(tmp_path: Path) -> None:
    script = scripts.load_from(write(tmp_path, place=HEADER + "return ARGV[2]\n"), "place")
    assert script.purpose == "put one job on a slot."
    assert (script.keys, script.args, script.variadic) == (("cell",), ("job", "pools"), True)


def test_digest_is_that_of_the_server(tmp_path: Path, redis_client: redis.Redis) -> None:
    script = scripts.load_from(write(tmp_path, place=HEADER + "return 'ä'\n"), "place")
    assert redis_client.script_load(script.source) == script.sha1


def test_include_comes_once_and_in_place(tmp_path: Path) -> None:
    write(tmp_path, inc_a="-- a\n--@include inc_b\nlocal a = b\n", inc_b="-- b\nlocal b = 1\n")
    write(tmp_path, place=HEADER + "--@include inc_a\n--@include inc_b\nreturn a\n")
    source = scripts.load_from(tmp_path, "place").source
    assert source == HEADER + "-- a\n-- b\nlocal b = 1\nlocal a = b\nreturn a\n"


def test_error_is_located_in_the_file_it_was_written_in(tmp_path: Path) -> None:
    write(tmp_path, inc_a="-- a\nlocal a = nil + 1\n", place=HEADER + "--@include inc_a\nreturn a\n")
    script = scripts.load_from(tmp_path, "place")
    line = HEADER.count("\n") + 2
    assert script.locate(f"ERR user_script:{line}: bad") == "ERR include/inc_a.lua:2: bad"
    assert script.locate("ERR user_script:999: bad") == "ERR user_script:999: bad"


@pytest.mark.parametrize(
    ("texts", "complaint"),
    [
        ({"place": "return 1\n"}, "the first line must be"),
        ({"place": "-- other: a thing.\n"}, "the first line must be"),
        ({"place": "-- place: x.\n-- KEYS\n--   2 cell  x\n"}, "KEYS 2 cell is out of order"),
        ({"place": "-- place: x.\n-- ARGV\n--   1.. jobs\n--   2 more\n"}, "ARGV 2 more is out of order"),
        (
            {"place": "-- place: x.\n--@include inc_none\n"},
            "no lua/include/inc_none.lua (included by place.lua)",
        ),
        ({"place": "-- place: x.\n--@includes inc_a\n"}, "place.lua:2: not a directive"),
        (
            {
                "place": "-- place: x.\n--@include inc_a\n",
                "inc_a": "--@include inc_b",
                "inc_b": "--@include inc_a",
            },
            "place.lua > include/inc_a.lua > include/inc_b.lua > include/inc_a.lua",
        ),
    ],
)
def test_bad_script_is_refused(tmp_path: Path, texts: dict[str, str], complaint: str) -> None:
    write(tmp_path, **texts)
    with pytest.raises(BadScriptError, match=re.escape(complaint)):
        scripts.load_from(tmp_path, "place")


def test_unknown_script_is_refused() -> None:
    with pytest.raises(BadScriptError, match=r"there is no lua/nothing\.lua"):
        scripts.load("nothing")
