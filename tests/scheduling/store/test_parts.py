"""The small parts of the stores: packing, pauses, counters."""

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduling.store import unheard
from scheduling.store.backoff import delay_s
from scheduling.store.base import Part
from scheduling.store.stats import Histogram
from scheduling.store.unheard import Unheard
from scheduling.store.wire import by_digest, in_full, pack
from tests.scheduling.store.samples import ECHO

PARTS = st.lists(st.text() | st.binary() | st.integers() | st.just(ECHO.sha1), max_size=5)


@given(PARTS, PARTS)
def test_a_packed_call_turns_into_one_with_the_source(keys: list[Part], args: list[Part]) -> None:
    expected = pack(("EVAL", ECHO.source, len(keys), *keys, *args))
    assert in_full(ECHO, pack(by_digest(ECHO, keys, args))) == expected


@given(st.integers(1, 10_000))
def test_a_pause_is_bounded_both_ways(tries: int) -> None:
    assert 0.005 <= delay_s(tries) <= 0.5
    assert delay_s(1) <= 0.01


@given(st.lists(st.floats(11e-6, 9.0), min_size=1), st.sampled_from([0.1, 0.5, 0.9, 0.99, 1.0]))
def test_a_quantile_is_exact_to_its_class(times: list[float], share: float) -> None:
    histogram = Histogram()
    for time in times:
        histogram.add(time)
    rank = next(index for index in range(1, len(times) + 1) if index >= share * len(times))
    exact = sorted(times)[rank - 1]
    assert exact <= histogram.quantile(share) <= exact * 1.15 * 1.0001


def test_a_quantile_of_nothing_and_of_extremes() -> None:
    histogram = Histogram()
    assert histogram.quantile(0.5) == 0.0
    histogram.add(0.0)
    histogram.add(1e9)
    assert histogram.total == 2
    assert histogram.quantile(0.5) == pytest.approx(10e-6)
    assert histogram.quantile(1.0) > 9.0


def test_unheard_failures_are_logged_once_a_second(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = [100.0]
    monkeypatch.setattr(unheard, "monotonic", lambda: now_s[0])
    failures = Unheard(logging.getLogger("store"))
    for step_s in (0.0, 0.4, 0.4, 0.4, 0.4):
        now_s[0] += step_s
        failures.add(ValueError("x"))
    assert failures.count == 5
    told = [record.getMessage() for record in caplog.records]
    assert [line.partition(" ")[0] for line in told] == ["1", "3"]
    assert "ValueError('x')" in told[0]
