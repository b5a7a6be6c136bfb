"""No document tells people to type what does not work."""

import re
import shlex
from importlib.util import find_spec

import pytest

from docs.handbook.commands import Command, commands_of
from docs.handbook.links import TOP
from docs.handbook.navigation import markdown_below
from tests.handbook.manifest import NOT_RUN, RUNS, Run
from tests.stack import ROOT
from web.command.main import _parser

PAGES = [
    *(page for page in TOP if page != "CHANGELOG.md" and (ROOT / page).exists()),
    *(f"docs/{page}" for page in markdown_below(ROOT / "docs")),
]
COMMANDS = [
    command for page in PAGES for command in commands_of((ROOT / page).read_text(encoding="utf-8"), page)
]
OURS = [
    each
    for each in COMMANDS
    if re.search(r"(?:^|[ /])speech-dispatch [a-z]", each.text) and "/opt/" not in each.text
]
MADE = [each for each in COMMANDS if each.text.startswith("make ")]


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_it_is_known_who_runs_it(command: Command) -> None:
    known = [each for each in (*RUNS, *NOT_RUN) if re.fullmatch(each.pattern, command.text)]
    assert known, f"{command}: name the test that runs it in tests/handbook/manifest.py"


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.pattern)
def test_who_runs_it_is_there(run: Run) -> None:
    path, _, test = run.by.partition("::")
    text = (ROOT / path).read_text(encoding="utf-8")
    assert f"def {test}(" in text if test else text
    if path.startswith(".ci/") and path != ".ci/run":
        assert path in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


@pytest.mark.parametrize("command", OURS, ids=str)
def test_our_command_takes_these_arguments(command: Command) -> None:
    words = shlex.split(command.text.rpartition("speech-dispatch ")[2].partition(" | ")[0])
    assert _parser(words).parse_args(words).command == words[0]


@pytest.mark.parametrize("command", MADE, ids=str)
def test_make_has_this_target(command: Command) -> None:
    target = shlex.split(command.text)[1]
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("command", [each for each in COMMANDS if "python -m " in each.text], ids=str)
def test_the_module_is_there(command: Command) -> None:
    words = command.text.split()
    assert find_spec(words[words.index("-m") + 1])


def test_documents_have_commands() -> None:
    """If they are looked for in vain, the other tests say nothing."""
    pages = {each.page for each in COMMANDS}
    assert {"README.md", "CONTRIBUTING.md", "docs/clients.md", "docs/nodes.md", "docs/operating.md"} <= pages


@pytest.mark.parametrize(
    ("text", "commands"),
    [
        ("Do\n\n    make demo    # all of it\n\nand", ["make demo"]),
        ("## Do\n    make a\n    make b", ["make a", "make b"]),
        ("```sh\n# first\ncurl -d '#1' \\\n  http://x\n```", ["curl -d '#1' http://x"]),
        ("```console\n$ speech-dispatch nodes\nNODE  STATUS\n```", ["speech-dispatch nodes"]),
        ("A drawing:\n\n    client --> web", []),
        ("A message:\n\n    speech-dispatch worker: the cell is used\n", []),
        ("```json\nmake\n```", []),
        ("* a list\n    goes on: make sense", []),
    ],
)
def test_commands_are_told_from_what_else_is_shown(text: str, commands: list[str]) -> None:
    assert [each.text for each in commands_of(text, "page")] == commands
