"""From what was seen to the last line: recovery, explanations, and what is not good enough."""

from typing import Any

import pytest

from bench.chaos.conductor import Happened
from bench.chaos.schedule import Fault
from bench.chaos.verdict import AFTERMATH_S, Score, complaints, explain, line, max_recovery

KEYS = [
    "kills", "utterances", "results", "errors", "refused", "resumed", "lost", "duplicated", "misordered",
    "leaked_slots", "overcommitted_ledger", "overcommitted_nodes", "max_recovery_s",
]  # fmt: skip


def _said(spoken_s: float, ended_s: float, outcome: str = "result", job: str = "") -> dict[str, Any]:
    said = {"spoken_s": spoken_s, "ended_s": ended_s, "outcome": outcome, "job": job, "code": "", "number": 0}
    return said | ({"code": "JOB_TIMEOUT"} if outcome == "error" else {})


def _score(*said: dict[str, Any], **figures: int) -> Score:
    session = {"name": "1.0", "session": "s-1", "said": list(said), "resumed": 2, "complaints": []}
    return Score([{**session, "duplicated": 0, "misordered": 0, **figures}])


def _happened(action: str, victim: str, began_s: float, ended_s: float) -> Happened:
    return Happened(Fault(0.0, "way", action, victim), began_s, ended_s)


def test_the_last_line_has_the_figures_in_their_order() -> None:
    score = _score(_said(1, 2), _said(3, 4, "error"), _said(5, 6, "refused"))
    happened = [
        _happened("kill", "node-3", 1, 2),
        _happened("stop", "valkey", 3, 4),
        _happened("cut", "client>web-0", 5, 5),
    ]
    report = line(score, happened, leaked=0, over_ledger=0, over_nodes=4)
    assert list(report)[: len(KEYS)] == KEYS
    assert [report[name] for name in KEYS[:7]] == [2, 3, 1, 1, 1, 2, 0]
    assert report["overcommitted_nodes"] == 4
    assert report["faults"] == {"cut client link": 1, "kill node": 1, "stop valkey": 1}


def _good() -> dict[str, Any]:
    said = [_said(number, number + 0.5) for number in range(100)]
    report = line(_score(*said), [], leaked=0, over_ledger=0, over_nodes=1)
    assert complaints(report) == []
    return report


@pytest.mark.parametrize("name", ["lost", "duplicated", "misordered", "leaked_slots", "overcommitted_ledger"])
def test_one_of_these_is_one_too_many(name: str) -> None:
    (said,) = complaints(_good() | {name: 1})
    assert name in said


def test_errors_and_recovery_have_their_limits_and_silence_is_no_success() -> None:
    assert complaints(_good() | {"errors": 1, "max_recovery_s": 15.0}) == []
    assert "2 errors" in complaints(_good() | {"errors": 2})[0]
    assert "15.1" in complaints(_good() | {"max_recovery_s": 15.1})[0]
    assert complaints(line(_score(), [], 0, 0, 0)) == ["nobody got a result"]


def test_recovery_is_from_the_fault_to_the_next_result_of_who_is_owed_one() -> None:
    fault = [_happened("kill", "web-0", 100, 101)]
    assert max_recovery(_score(_said(99, 107), _said(108, 109)), fault)[0] == 7
    assert max_recovery(_score(_said(90, 91), _said(104, 106)), fault)[0] == 2, "it was silent until 104"
    assert max_recovery(_score(_said(90, 91)), fault)[0] == 0, "it had left"


def test_neither_an_error_nor_an_utterance_that_is_lost_ends_the_recovery() -> None:
    fault = [_happened("kill", "web-0", 100, 101)]
    assert max_recovery(_score(_said(99, 103, "error"), _said(105, 111)), fault)[0] == 11
    assert max_recovery(_score(_said(99, 0, "lost"), _said(105, 111)), fault)[0] == 11
    longest, words = max_recovery(_score(_said(99, 103, "error")), fault)
    assert longest == 3 and "kill web-0" in words


def test_an_error_is_explained_by_what_its_job_could_suffer_from_and_by_nothing_else() -> None:
    score = _score(_said(100, 110, "error", "job-1"))
    score.jobs["job-1"] = {"tried": " node-3 "}

    def is_explained(action: str, victim: str, began_s: float, ended_s: float) -> bool:
        explained, others = explain(score, [_happened(action, victim, began_s, ended_s)])
        assert len(explained) + len(others) == 1
        return bool(explained)

    assert is_explained("kill", "node-3", 105, 106)
    assert is_explained("stop", "valkey", 95, 101)
    assert is_explained("kill", "node-3", 85, 101 - AFTERMATH_S)
    assert not is_explained("kill", "node-4", 105, 106), "its job was never there"
    assert not is_explained("kill", "beat", 105, 106), "nothing waits for beat"
    assert not is_explained("drain", "node-3", 105, 106), "what it runs it finishes"
    assert not is_explained("kill", "node-3", 111, 112), "it was over by then"
    assert not is_explained("kill", "node-3", 80, 99 - AFTERMATH_S), "that was long before"


def test_an_error_without_a_fault_is_printed_in_full() -> None:
    score = _score(_said(100, 110, "error", "job-1"))
    score.jobs["job-1"] = {"tried": " node-3 ", "state": "failed"}
    _, (text,) = explain(score, [])
    assert "JOB_TIMEOUT" in text and "job-1" in text and "node-3" in text
