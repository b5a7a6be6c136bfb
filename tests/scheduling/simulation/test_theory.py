"""Erlang C against published numbers."""

import pytest

from scheduling.simulation.theory import ErlangC

#: Slots, load, then P(wait), mean, p99 and p99.9 in mean services; computed elsewhere.
KNOWN = [
    (16, 0.70, 0.130, 0.027, 0.534, 1.014),
    (16, 0.85, 0.433, 0.181, 1.570, 2.530),
    (64, 0.70, 0.0044, 0.0002, 0.0, 0.077),
    (64, 0.85, 0.144, 0.015, 0.277, 0.517),
    (64, 0.95, 0.588, 0.184, 1.273, 1.993),
    (256, 0.95, 0.313, 0.024, 0.269, 0.449),
]


@pytest.mark.parametrize(("slots", "rho", "p_wait", "mean", "p99", "p999"), KNOWN)
def test_it_gives_the_known_numbers(
    slots: int, rho: float, p_wait: float, mean: float, p99: float, p999: float
) -> None:
    theory = ErlangC(slots, rho)
    assert theory.p_wait == pytest.approx(p_wait, rel=0.02)
    assert theory.mean == pytest.approx(mean, abs=0.0005)
    assert theory.quantile(0.99) == pytest.approx(p99, abs=0.001)
    assert theory.quantile(0.999) == pytest.approx(p999, abs=0.001)


def test_one_slot_is_the_textbook_queue() -> None:
    theory = ErlangC(1, 0.8)
    assert theory.p_wait == pytest.approx(0.8)
    assert theory.mean == pytest.approx(4.0)


def test_the_tail_and_its_quantile_are_inverse() -> None:
    theory = ErlangC(64, 0.9)
    assert theory.longer_than(theory.quantile(0.99)) == pytest.approx(0.01)
    assert theory.longer_than(0.0) == theory.p_wait


@pytest.mark.parametrize(("slots", "rho"), [(0, 0.5), (4, 0.0), (4, 1.0)])
def test_it_declines_what_has_no_steady_state(slots: int, rho: float) -> None:
    with pytest.raises(ValueError, match="load factor"):
        ErlangC(slots, rho)
