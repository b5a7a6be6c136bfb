"""`speech-dispatch doctor`: what people and programs are shown, and the exit codes."""

import json

from tests.stack import Stack
from tests.valkey import Valkey, free_port
from tests.web.command.test_main import run
from web.command.doctor import line
from web.doctor.finding import Finding, Level, failed, ok, warning, worst


def test_something_that_fails_is_exit_code_2(own_valkey: Valkey) -> None:
    done = run("doctor", env={"REDIS_URL": f"redis://127.0.0.1:{free_port()}"})
    assert (done.returncode, done.stderr) == (2, "")
    assert "failed   redis" in done.stdout
    assert "checks failed" in done.stdout.splitlines()[-1]
    assert "\x1b" not in done.stdout


def test_warnings_count_only_when_strict() -> None:
    with Valkey(appendonly="yes") as valkey, Stack(valkey=valkey) as stack, stack.node(("en", "pt")):
        env = {"REDIS_URL": valkey.url} | {
            name.upper(): str(int(value)) for name, value in stack.settings.items()
        }
        done = run("doctor", "--json", env=env)
        told = json.loads(done.stdout)
        assert (done.returncode, told["level"]) == (0, "warning")
        assert {"check", "level", "says", "advice"} == set(told["checks"][0])
        assert "beat" in {check["check"] for check in told["checks"] if check["level"] == "warning"}
        assert run("doctor", "--strict", env=env).returncode == 1


def test_a_line_is_folded_under_itself() -> None:
    said = line(Finding("redis", Level.FAILED, "word " * 30, "do " * 40), 80).plain.splitlines()
    assert said[0].startswith("failed   redis           word")
    assert max(map(len, said)) <= 80
    assert any(each.startswith(" " * 25 + "→ do") for each in said)
    assert not any(each.endswith(" ") for each in said)


def test_what_a_server_says_cannot_steer_the_terminal() -> None:
    assert "\x1b" not in line(failed("redis", "a\x1b[2Jb", ""), 80).plain


def test_the_worst_is_the_whole() -> None:
    assert worst([]) is Level.OK
    assert worst([ok("a", "."), warning("b", ".", "."), ok("c", ".")]) is Level.WARNING
    assert worst([failed("a", ".", "."), warning("b", ".", ".")]) is Level.FAILED
