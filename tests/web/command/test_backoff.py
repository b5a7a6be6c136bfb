"""When a process that died is started again."""

from hypothesis import given
from hypothesis import strategies as st

from web.command.backoff import RestartBudget


def test_each_death_within_a_minute_doubles_the_wait_until_it_is_given_up() -> None:
    budget = RestartBudget()
    assert [budget.next_delay_s(now) for now in (0.0, 1.0, 2.0, 3.0, 4.0, 5.0)] == [0.5, 1, 2, 4, 8, None]


def test_deaths_older_than_a_minute_are_forgiven() -> None:
    budget = RestartBudget()
    for now in range(5):
        budget.next_delay_s(float(now))
    assert budget.next_delay_s(64.5) == 0.5


@given(st.lists(st.floats(0.0, 100.0), max_size=60))
def test_never_more_than_five_starts_in_any_minute(pauses: list[float]) -> None:
    budget, now_s, starts = RestartBudget(), 0.0, []
    for pause in pauses:
        now_s += pause
        if budget.next_delay_s(now_s) is not None:
            starts.append(now_s)
    assert all(sum(1 for other in starts if start <= other < start + 60.0) <= 5 for start in starts)
