"""The operator commands: what people and programs are shown, and how failures end."""

import json
import socket
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

from tests.stack import Stack, wait_until
from tests.web.command.test_main import run
from web.command.main import main
from web.command.operator_text import plain, span, table

Pair = tuple[str, str]


def told(stack: Stack, *arguments: str) -> str:
    """Run a command against the stack; give what it printed.

    Here and not in a process of its own: on a busy machine a few starts take longer than a job waits.
    """
    with redirect_stdout(StringIO()) as shown, redirect_stderr(shown):
        code = main([*arguments, "--url", f"http://127.0.0.1:{stack.webs[0].port}"])
    assert code == 0, shown.getvalue()
    return shown.getvalue()


def test_the_server_is_named_by_the_environment(stack: Stack) -> None:
    done = run("nodes", env={"SPEECH_DISPATCH_URL": f"http://127.0.0.1:{stack.webs[0].port}"})
    assert (done.returncode, done.stderr) == (0, "")
    assert run("nodes", env={"PORT": str(stack.webs[0].port)}).stdout


def test_nodes_pools_and_jobs_are_tables_that_fit(stack: Stack, pair: Pair) -> None:
    with stack.node(pair, slots=1, answer=None) as node, stack.client(*pair) as client:
        client.say()
        client.say()
        node.job()
        wait_until(lambda: stack.record_of(node.node_id)["why"] != "", "it to be full")
        nodes, pools, jobs = (told(stack, command) for command in ("nodes", "pools", "jobs"))
        (line,) = [line for line in nodes.splitlines() if line.startswith(node.node_id)]
        assert line.split() == [node.node_id, "ready", "1/1", "1", *line.split()[4:6], "capacity_exceeded"]
        assert "→".join(pair) in pools
        assert jobs.count("→".join(pair)) == 2
        for text in (nodes, pools, jobs):
            assert max(map(len, text.splitlines())) <= 120
            assert not any(line.endswith(" ") for line in text.splitlines())
        node.answer(node.job())
        node.answer(node.job(2))
        client.result(2)


def test_explanations_are_text(stack: Stack, pair: Pair) -> None:
    with stack.node(pair, slots=1, answer=None) as node, stack.client(*pair) as client:
        client.say()
        client.say()
        running = node.job()["job_id"]
        assert f"on node {node.node_id}" in told(stack, "explain", "job", running)
        assert "capacity_exceeded" in told(stack, "explain", "node", node.node_id)
        assert "would wait" in told(stack, "explain", "pair", *pair)
        (waiting,) = [
            job["job_id"]
            for job in json.loads(told(stack, "jobs", "--state", "waiting", "--json"))["jobs"]
            if job["pair"] == "→".join(pair)
        ]
        assert "position  1 (0 ahead)" in told(stack, "explain", "job", waiting)
        assert "is cancelled; its client is told." in told(stack, "cancel", waiting, "--reason", "test")
        node.answer(node.job())
        client.wait("error", message="An operator cancelled this utterance: test")


def test_a_node_is_drained_and_brought_back(stack: Stack, pair: Pair) -> None:
    with stack.node(pair) as node:
        assert "takes no new work" in told(stack, "drain", node.node_id, "--reason", "new driver")
        assert "new driver" in told(stack, "nodes")
        assert "next heartbeat" in told(stack, "undrain", node.node_id)
        node.heartbeat()
        stack.wait_dispatchable(node.node_id)


def test_json_is_the_answer_of_the_api(stack: Stack, pair: Pair) -> None:
    with stack.node(pair) as node:
        found = json.loads(told(stack, "explain", "node", node.node_id, "--json"))
        assert found["node"]["node_id"] == node.node_id
        assert len(json.loads(told(stack, "nodes", "--json", "--limit", "1"))["nodes"]) == 1


def test_all_pages_are_followed(stack: Stack, pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("web.command.operator_common.PAGE", 1)
    monkeypatch.setenv("SPEECH_DISPATCH_URL", f"http://127.0.0.1:{stack.webs[0].port}")
    with stack.node(pair) as one, stack.node(pair) as other, pytest.MonkeyPatch.context() as patch:
        shown: list[str] = []
        patch.setattr("builtins.print", lambda text, **_: shown.append(text))
        assert main(["nodes"]) == 0
        assert one.node_id in shown[0]
        assert other.node_id in shown[0]


def test_the_token_is_taken_from_the_environment_or_an_option() -> None:
    with Stack(admin_token="tökén") as own:
        url = f"http://127.0.0.1:{own.webs[0].port}"
        refused = run("nodes", "--url", url)
        assert refused.returncode == 1
        assert "Send a token of the role admin" in refused.stderr
        assert "A command sends --token, or ADMIN_TOKEN of the environment." in refused.stderr
        assert run("nodes", "--url", url, env={"ADMIN_TOKEN": "tökén"}).returncode == 0
        assert run("nodes", "--url", url, "--token", "tökén").returncode == 0
        shown = run("nodes", "--help", env={"ADMIN_TOKEN": "tökén"}).stdout
        assert "tökén" not in shown


@pytest.mark.parametrize(
    "command",
    [("explain", "job", "ghost"), ("explain", "node", "ghost"), ("drain", "ghost"), ("cancel", "ghost")],
)
def test_an_unknown_id_is_a_sentence(stack: Stack, command: tuple[str, ...]) -> None:
    done = run(*command, env={"SPEECH_DISPATCH_URL": f"http://127.0.0.1:{stack.webs[0].port}"})
    assert done.returncode == 1
    assert "ghost" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_server_that_does_not_answer_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    done = run("nodes", env={"PORT": str(port)})
    assert done.returncode == 1
    assert f"No server answers at http://127.0.0.1:{port}" in done.stderr


@pytest.mark.parametrize("url", ["ftp://x", "nothing", "http://", "http://h:99999"])
def test_a_url_that_is_none_is_refused(url: str) -> None:
    done = run("nodes", "--url", url)
    assert done.returncode == 2
    assert "is no address of a server" in done.stderr


def test_a_wrong_request_is_a_wrong_invocation(stack: Stack) -> None:
    url = f"http://127.0.0.1:{stack.webs[0].port}"
    done = run("explain", "pair", "e n", "pt", "--url", url)
    assert done.returncode == 2
    assert "is not a language code" in done.stderr


def test_columns_are_aligned_and_empty_ones_left_out() -> None:
    text = table(("NAME", "N", "NOTHING", "WHY"), [("a", 5, "", "x"), ("long", 10, "", "y")])
    assert text == "NAME   N  WHY\na      5  x\nlong  10  y"


def test_numbers_stand_to_the_right_also_where_some_are_missing() -> None:
    assert table(("A", "WAITING", "B"), [("x", 1, "y"), ("x", "", "y")]).splitlines() == [
        "A  WAITING  B",
        "x        1  y",
        "x           y",
    ]


def test_a_long_last_column_is_folded_under_itself() -> None:
    lines = table(("N", "WHY"), [("1", "word " * 40)]).splitlines()
    assert max(map(len, lines)) <= 100
    assert lines[2].startswith("   word")


def test_what_does_not_fit_a_narrow_terminal_stands_below_with_its_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Terminals of 80 columns broke every line of a table made for 100 in the midst of words."""
    monkeypatch.setenv("COLUMNS", "60")
    heads = ("NODE", "STATE", "PAIR", "AGE", "WHY")
    rows = [("n" * 44, "ready", "en→pt", 5, "it is busy"), ("m", "ready", "en→pt", 17, "")]
    assert table(heads, rows).splitlines() == [
        "NODE                                          STATE  PAIR",
        f"{'n' * 44}  ready  en→pt",
        "    age: 5; why: it is busy",
        "m                                             ready  en→pt",
        "    age: 17",
    ]
    assert max(map(len, table(("N", "WHY"), [("1", "word " * 40)]).splitlines())) <= 60


def test_what_others_wrote_cannot_steer_the_terminal() -> None:
    assert plain("a\x1b[31mb\nc") == "a·[31mb·c"


@pytest.mark.parametrize(
    ("ms", "said"),
    [(None, "?"), (-5, "0.0 s"), (440, "0.4 s"), (12_000, "12 s"), (180_000, "3 min"), (7_300_000, "2 h")],
)
def test_durations_are_said_shortly(ms: int | None, said: str) -> None:
    assert span(ms) == said


def test_a_pool_file_is_checked_before_it_is_used(tmp_path: Path) -> None:
    right, wrong = tmp_path / "right.toml", tmp_path / "wrong.toml"
    right.write_text('[[pools]]\npool_id = "gold"\nrequired_services = ["asr"]\n')
    wrong.write_text('[[pools]]\npool_id = "gold"\nrequired_services = ["coffee"]\ncolour = "red"\n')
    done = run("pools", "--check", str(right))
    assert (done.returncode, done.stderr) == (0, "")
    assert "1 pool(s)" in done.stdout
    done = run("pools", "--check", str(wrong))
    assert (done.returncode, done.stdout) == (1, "")
    assert "coffee" in done.stderr or "required_services" in done.stderr
    assert "colour" in done.stderr
