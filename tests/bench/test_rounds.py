"""Which rounds of a measure count: those in which the machine was not much slower."""

from pathlib import Path

import pytest

from bench import rounds
from bench.measures.bench import Bench
from bench.plan import QUICK
from bench.rounds import Rounds


class _Told:
    """A pace that is told instead of measured."""

    def __init__(self, paces: list[float]) -> None:
        self._pace = paces.pop(0)

    def end(self) -> float:
        return self._pace


def _counted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, paces: list[float]) -> list[float]:
    """Have one round for each pace, which finds its number; give what is counted."""
    left = list(paces)
    monkeypatch.setattr(rounds, "_Pace", lambda: _Told(left))
    bench = Bench(QUICK, tmp_path, ())
    bench.book.add("before", 1)
    measured = Rounds(bench, "some")
    for number in range(len(paces)):
        with measured.one():
            bench.book.add("number", number)
    measured.note()
    assert bench.book.runs["before"] == [1]
    facts = bench.book.facts["rounds"]["some"]
    assert (facts["of"], facts["counting"]) == (len(paces), len(bench.book.runs["number"]))
    return bench.book.runs["number"]


@pytest.mark.parametrize(
    ("paces", "counted"),
    [
        ([100, 113, 116, 200, 105, 99], [0, 1, 4, 5]),
        ([100, 101, 102, 103], [0, 1, 2, 3]),
        ([100, 300, 250, 400], [0, 1, 2]),
        ([100, 500], [0, 1]),
        ([7], [0]),
    ],
)
def test_much_slower_ones_do_not_count_while_three_are_left(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, paces: list[float], counted: list[float]
) -> None:
    assert _counted(monkeypatch, tmp_path, paces) == counted


def test_a_round_that_fails_is_none(tmp_path: Path) -> None:
    bench = Bench(QUICK, tmp_path, ())
    measured = Rounds(bench, "some")
    with pytest.raises(SystemExit), measured.one():
        bench.book.add("number", 1)
        raise SystemExit
    with measured.one():
        bench.book.add("number", 2)
    measured.note()
    assert bench.book.runs == {"number": [2]}
    assert bench.book.facts["rounds"]["some"]["work_us"][0] > 0
