"""Readings: what is counted in fine classes is told in few, and what another version tells does no harm."""

import json
from itertools import pairwise

import pytest

from scheduling.metrics import BOUNDS_S, DEFINITIONS, Reading
from scheduling.metrics.reading import bounds_of
from scheduling.store.stats import Histogram


def only(reading: Reading) -> tuple[str, list[str], float | list[float]]:
    ((definition, labels, value),) = list(reading)
    return definition.name, labels, value


def test_a_histogram_is_told_by_bounds_of_which_each_is_twice_the_last() -> None:
    assert len(BOUNDS_S) == 20
    assert all(1.9 < after / before < 2.1 for before, after in pairwise(BOUNDS_S))
    assert BOUNDS_S[-1] > 10


@pytest.mark.parametrize("seconds", [1e-6, 0.0001, 0.0234, 0.9, 9.0])
def test_each_time_is_counted_from_the_first_bound_above_it(seconds: float) -> None:
    histogram = Histogram()
    histogram.add(seconds)
    reading = Reading()
    reading.classes("flow_seconds", histogram, "create")
    _, labels, value = only(reading)
    assert labels == ["create"]
    assert isinstance(value, list)
    *counts, total, summed = value
    assert counts == [float(bound > seconds) for bound in BOUNDS_S]
    assert total == 1
    if seconds > 1e-5:
        assert summed == pytest.approx(seconds, rel=0.08)


def test_what_is_longer_than_all_bounds_is_in_the_total_alone() -> None:
    histogram = Histogram()
    histogram.add(60)
    reading = Reading()
    reading.classes("first_audio_seconds", histogram)
    _, _, value = only(reading)
    assert isinstance(value, list)
    assert value[: len(BOUNDS_S)] == [0] * len(BOUNDS_S)
    assert value[len(BOUNDS_S)] == 1


def test_durations_of_jobs_have_bounds_of_their_own() -> None:
    reading = Reading()
    reading.job_classes("job_seconds", {50: 3, 100: 1})
    _, _, value = only(reading)
    assert isinstance(value, list)
    bounds = bounds_of(DEFINITIONS["job_seconds"])
    assert len(value) == len(bounds) + 2
    counts = dict(zip(bounds, value, strict=False))
    assert counts[1.15**45 / 1000] == 0
    assert counts[1.15**50 / 1000] == 3
    assert value[-2] == 4


def test_it_comes_back_as_it_was_written() -> None:
    reading = Reading()
    reading.set("sockets", 7)
    reading.set_all("refused_total", {"NODE_OVERLOADED": 2})
    assert list(Reading.load(reading.dump())) == list(reading)
    assert reading.number("sockets") == 7
    assert reading.number("sessions") == 0


@pytest.mark.parametrize(
    ("name", "samples"),
    [
        ("of_the_next_version", [[[], 1]]),
        ("sockets", [[["a label it has not"], 1]]),
        ("sockets", [[[], [1, 2, 3]]]),
        ("flow_seconds", [[["create"], [1, 2]]]),
    ],
)
def test_what_another_version_tells_otherwise_is_left_out(name: str, samples: object) -> None:
    assert list(Reading.load(json.dumps({name: samples}))) == []


def test_names_and_labels_are_as_prometheus_wants_them() -> None:
    for one in DEFINITIONS.values():
        assert one.full_name.endswith("_total") == (one.kind == "counter"), one.name
        assert one.kind != "histogram" or one.name.endswith("_seconds"), one.name
        assert not {"job", "le"} & set(one.labels), "Prometheus has these for itself"
