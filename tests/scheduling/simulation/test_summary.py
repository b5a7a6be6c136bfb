"""Figures from many waits."""

from math import inf

import pytest

from scheduling.simulation.summary import Sample, interval, p99_ratio, ratio, student

SEEDS = [[float(number % 50) for number in range(start, start + 200)] for start in (0, 7, 20)]


def test_quantiles_are_the_waits_that_so_many_do_not_exceed() -> None:
    sample = Sample([[float(number) for number in range(100)]])
    assert [sample.quantile(share) for share in (0.01, 0.5, 0.99, 1.0)] == [0.0, 49.0, 98.0, 99.0]


@pytest.mark.parametrize("left_out", range(3))
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_leaving_out_a_seed_is_as_if_it_had_never_been(left_out: int, share: float) -> None:
    rest = Sample([waits for seed, waits in enumerate(SEEDS) if seed != left_out])
    whole = Sample(SEEDS)
    assert whole.quantile(share, left_out) == rest.quantile(share)
    assert whole.mean(left_out) == pytest.approx(rest.mean())
    assert whole.p_wait(left_out) == pytest.approx(rest.p_wait())


def test_who_waits_for_nothing_does_not_wait() -> None:
    assert Sample([[0.0, 0.0, 1.0], [0.0]]).p_wait() == 0.25


def test_two_zeros_are_equal_and_nothing_is_infinitely_better_than_something() -> None:
    assert ratio(0.0, 0.0) == 1.0
    assert ratio(1.0, 0.0) == inf
    assert ratio(1.0, 2.0) == 0.5


def test_the_interval_of_a_mean_is_that_of_the_textbook() -> None:
    sample = Sample([[1.0], [2.0], [3.0], [4.0], [5.0], [6.0]])
    low, high = interval(sample.mean, 6, 0.95)
    # Mean 3.5, standard error 0.7638, Student's t with 5 degrees of freedom 2.5706.
    assert (low, high) == (pytest.approx(1.537, abs=0.02), pytest.approx(5.463, abs=0.02))


def test_equal_samples_have_a_ratio_of_one_for_sure() -> None:
    sample = Sample(SEEDS)
    assert interval(p99_ratio(sample, sample), 3, 0.95) == (1.0, 1.0)


def test_one_seed_tells_nothing_of_others() -> None:
    sample = Sample([[1.0, 3.0]])
    assert interval(sample.mean, 1, 0.95) == (2.0, 2.0)


@pytest.mark.parametrize(("freedom", "known"), [(5, 2.571), (19, 2.093), (100, 1.984)])
def test_students_quantiles_are_those_of_the_tables(freedom: int, known: float) -> None:
    assert student(freedom, 0.95) == pytest.approx(known, rel=0.01)
