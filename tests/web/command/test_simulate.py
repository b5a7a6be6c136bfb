"""`speech-dispatch simulate` as it is typed."""

import json
import os
import subprocess
from pathlib import Path

import pytest
import redis

from tests import warm
from tests.valkey import Valkey
from web.command.main import main

SMALL = ("--nodes", "12", "--slots", "2", "--jobs", "400", "--seeds", "2")


def simulate(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if name != "REDIS_URL"} | environment
    return warm.run("web.command", "simulate", *arguments, env=env)


def test_json_is_all_there_is_on_stdout() -> None:
    said = simulate(*SMALL, "--json")
    assert said.returncode == 0, said.stderr
    found = json.loads(said.stdout)
    assert found["p99_wait_ratio"] == 1.0
    assert found["idle_while_waiting"] == found["over_commit"] == found["lost"] == 0
    assert set(found["ideal_vs_theory"]) == {"p_wait", "mean", "p99", "agrees"}
    assert {"ours", "ideal", "power-of-two", "by-load", "stale", "round-robin"} == set(found["policies"])
    assert found["seeds"] == [1, 2]
    assert found["jobs"] == 400


def test_a_server_of_ones_own_is_used_and_left_as_it_was(
    valkey: Valkey, redis_client: redis.Redis, tmp_path: Path
) -> None:
    redis_client.set("mine", "1")
    out, picture = tmp_path / "found.json", tmp_path / "found.png"
    said = simulate(
        *SMALL, "--scenario", "partial", "--policies", "power-of-two", "--seed", "7",
        "--out", str(out), "--plot", str(picture), REDIS_URL=valkey.url,
    )  # fmt: skip
    assert said.returncode == 0, said.stderr
    found = json.loads(out.read_text())
    assert found["seeds"] == [7, 8]
    assert found["p99_bound_ratio"] > 0.5
    assert found["slowest_pair_ratio"] >= 1.0
    assert set(found["policies"]) == {"ours", "ideal", "bound", "power-of-two"}
    assert "p99_bound_ratio" in said.stdout
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert redis_client.keys() == [b"mine"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--rho", "1"), "with a load of 1 the queue grows for ever"),
        (("--rho", "half"), "half is no number above 0"),
        (("--nodes", "0"), "0 is no whole number from 1 on"),
        (("--jobs", "50"), "fewer than 100 jobs a seed say nothing"),
        (("--policies", "best"), "'best' is no policy: choose among power-of-two"),
        (("--scenario", "quiet"), "invalid choice: 'quiet'"),
    ],
)
def test_a_wrong_option_is_answered_with_a_sentence(
    arguments: tuple[str, ...], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["simulate", *arguments])
    assert ended.value.code == 2
    said = capsys.readouterr()
    assert sentence in said.err
    assert said.out == ""


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--plot", "picture.pdf"), "must end in .png"),
        (("--out", "/no/such/folder/found.json"), "There is no folder /no/such/folder"),
    ],
)
def test_what_cannot_be_written_is_said_before_it_is_computed(
    arguments: tuple[str, ...], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["simulate", *arguments]) == 1
    assert sentence in capsys.readouterr().err


def test_a_fleet_that_cannot_be_is_said_in_a_sentence() -> None:
    said = simulate("--scenario", "partial", "--nodes", "2", "--jobs", "100", "--seeds", "1")
    assert said.returncode == 1
    assert "take more nodes" in said.stderr
    assert "Traceback" not in said.stderr


def test_a_silent_server_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    assert main(["simulate"]) == 1
    assert "REDIS_URL is set to redis://127.0.0.1:1/0" in capsys.readouterr().err


def test_a_wrong_setting_is_named() -> None:
    said = simulate(*SMALL, MAX_ATTEMPTS="many")
    assert said.returncode != 0
    assert "MAX_ATTEMPTS" in said.stderr
    assert "Traceback" not in said.stderr
