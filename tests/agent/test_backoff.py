"""How long a node waits before it tries again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.backoff import FIRST_S, HINT_SPREAD, LAST_S, Backoff, hint_s

draws = st.floats(0, 1, exclude_max=True)


@given(st.lists(draws, min_size=1, max_size=40))
def test_steps_double_up_to_the_last_and_are_drawn_from_whole(drawn: list[float]) -> None:
    queue = iter(drawn)
    backoff = Backoff(lambda: next(queue))
    for tries, share in enumerate(drawn):
        assert backoff.delay_s() == pytest.approx(share * min(LAST_S, FIRST_S * 2**tries))


def test_the_first_two_tries_fit_into_the_servers_grace_of_2_s() -> None:
    backoff = Backoff(lambda: 1.0)
    assert backoff.delay_s() + backoff.delay_s() < 2.0


def test_starts_again_after_a_registration() -> None:
    backoff = Backoff(lambda: 1.0)
    assert [backoff.delay_s() for _ in range(3)] == [0.5, 1.0, 2.0]
    backoff.reset()
    assert backoff.delay_s() == 0.5


@given(st.integers(0, 300), draws)
def test_a_hint_is_never_undercut_and_spread_a_little(hint: int, share: float) -> None:
    reason = f"closed with 1012 restart, come back in {hint} s"
    assert hint <= Backoff(lambda: share).delay_s(reason) <= hint * (1 + HINT_SPREAD)


@pytest.mark.parametrize(
    ("reason", "hint"),
    [
        ("restart, come back in 7 s", 7.0),
        ("full, come back in 2.5 s please", 2.5),
        ("come back in 86400 s", 300.0),
        ("come back in a while", None),
        ("come back in 5 sheep", None),
        ("", None),
    ],
)
def test_reads_the_hint_in_a_close_reason(reason: str, hint: float | None) -> None:
    assert hint_s(reason) == hint
