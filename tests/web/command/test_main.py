"""The command line: what it offers, and what it refuses."""

import re
import shlex
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests import warm
from tests.valkey import Valkey
from web.command.help import EXAMPLES
from web.command.main import main

_COMMANDS = (
    "up", "demo", "web", "worker", "beat", "flower", "node", "say", "top", "doctor", "nodes", "pools", "jobs",
    "explain", "drain", "undrain", "quarantine", "cancel", "audit", "dead", "simulate", "check", "token",
    "usage",
)  # fmt: skip
_VERBS = (
    *(("token", verb) for verb in ("key", "make", "check", "revoke", "allow", "revoked")),
    *(("explain", kind) for kind in ("job", "node", "pair")),
    *(("dead", verb) for verb in ("list", "show", "replay", "drop")),
    *(("check", kind) for kind in ("web", "worker")),
)


def run(*arguments: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command with nothing but `env` set."""
    return warm.run("web.command", *arguments, env={"PATH": "/usr/bin:/bin"} | dict(env or {}))


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    shown = capsys.readouterr().out
    for command in _COMMANDS:
        assert f"\n    {command} " in shown


@pytest.mark.parametrize("command", _COMMANDS)
def test_every_command_has_a_help_of_its_own(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([command, "--help"])
    assert caught.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: speech-dispatch {command}")


def test_help_fits_a_terminal_of_80_columns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for command in ((), *((name,) for name in _COMMANDS), *_VERBS):
        with pytest.raises(SystemExit):
            main([*command, "--help"])
        lines = capsys.readouterr().out.splitlines()
        assert max(map(len, lines)) <= 80, command


@pytest.mark.parametrize("words", _VERBS, ids=" ".join)
def test_every_verb_says_what_it_does_and_what_each_option_is(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """Those of `token` said nothing of themselves, nor of ``--role`` and ``--limit``."""
    with pytest.raises(SystemExit):
        main([*words, "--help"])
    _, described, *options = capsys.readouterr().out.split("\n\n")
    assert described.endswith(".")
    names = re.findall(r"^  (?=\S)(.+(?:\n {10,}.+)?)", "\n".join(options), re.MULTILINE)
    assert names
    for said in names:
        assert re.search(r"(?:  |\n) *[a-z]", said), f"nothing is said of {said}"


def test_without_a_command_all_of_them_are_shown() -> None:
    done = run()
    assert done.returncode == 2
    assert "Try it on this machine:" in done.stderr


def test_the_version_is_told() -> None:
    assert re.fullmatch(r"speech-dispatch \d+\.\d+\.\d+\S*\n", run("--version").stdout)


@pytest.mark.parametrize("command", _COMMANDS)
def test_every_command_has_examples_that_it_takes(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("web.command.main._Subcommand.run", lambda self, name, args: 42)
    for line in EXAMPLES[command]:
        program, *words = shlex.split(line, comments=True)
        assert (program, words[0]) == ("speech-dispatch", command)
        assert main(words) == 42
    assert run(command, "--help").stdout.rstrip().endswith(EXAMPLES[command][-1])


def test_a_command_that_is_none_is_said_with_the_one_that_was_meant() -> None:
    done = run("quarantaine")
    assert done.returncode == 2
    assert "Did you mean quarantine?" in done.stderr
    assert "speech-dispatch --help" in run("brew").stderr


def test_a_reader_that_goes_away_is_no_error() -> None:
    """``speech-dispatch doctor --json | head -c 1`` ended in a traceback."""
    command = f"{shlex.quote(sys.executable)} -m web.command doctor --json | head -c 1"
    done = subprocess.run(
        ["/bin/sh", "-c", command], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[3]
    )
    assert (done.stdout, done.stderr) == ("{", "")


@pytest.mark.parametrize("command", ["web", "worker", "beat", "flower"])
def test_a_process_that_shares_state_refuses_to_start_without_redis(command: str) -> None:
    """Two processes on two embedded servers would look alive and never meet."""
    done = run(command)
    assert done.returncode == 2
    assert f"`speech-dispatch {command}` needs REDIS_URL" in done.stderr
    assert "speech-dispatch up" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_setting_is_a_sentence(valkey: Valkey) -> None:
    done = run("beat", env={"REDIS_URL": valkey.url, "WAIT_MS": "soon"})
    assert done.returncode == 2
    assert "WAIT_MS" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_port_that_is_no_number_is_refused() -> None:
    assert run("web", env={"REDIS_URL": "redis://127.0.0.1:1", "PORT": "http"}).returncode == 2


@pytest.mark.parametrize("command", [("web", "--port"), ("flower", "--port"), ("up", "--port")])
def test_a_port_in_use_is_named(command: tuple[str, str], valkey: Valkey, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        done = run(*command, port, env={"REDIS_URL": valkey.url, "DATA_DIR": str(tmp_path)})
    assert done.returncode == 1
    assert f"Port {port} on 127.0.0.1" in done.stderr


@pytest.mark.parametrize("login", ["", "user", "user:", ":password", "user:password,", "user:password,other"])
def test_flower_is_not_opened_to_the_network_without_a_password(valkey: Valkey, login: str) -> None:
    """A login without a password was taken for one."""
    done = run("flower", "--host", "0.0.0.0", env={"REDIS_URL": valkey.url, "FLOWER_BASIC_AUTH": login})
    assert done.returncode == 2
    assert "FLOWER_BASIC_AUTH" in done.stderr


def test_a_login_that_is_none_is_refused_on_this_machine_as_well(valkey: Valkey) -> None:
    """Flower took it, and let nobody in."""
    done = run("flower", env={"REDIS_URL": valkey.url, "FLOWER_BASIC_AUTH": "nonsense"})
    assert done.returncode == 2
    assert "must be user:password" in done.stderr


def test_up_on_a_redis_that_does_not_answer_says_so() -> None:
    done = run(
        "up", "--no-node", "--port", "0", "--flower-port", "0", env={"REDIS_URL": "redis://127.0.0.1:1"}
    )
    assert done.returncode == 1
    assert "REDIS_URL is set to redis://127.0.0.1:1" in done.stderr
