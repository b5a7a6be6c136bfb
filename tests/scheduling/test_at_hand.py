from hypothesis import given
from hypothesis import strategies as st

from scheduling.at_hand import AtHand

_NAMES = st.sampled_from("abcde")
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), _NAMES, st.integers(0, 12)), st.tuples(st.just("take"), _NAMES, st.just(0))
    ),
    max_size=40,
)


@given(STEPS)
def test_the_newest_that_fit_are_there_and_each_is_given_once(steps: list[tuple[str, str, int]]) -> None:
    at_hand, model = AtHand(10), dict[str, str]()
    for number, (what, name, size) in enumerate(steps):
        if what == "take":
            assert at_hand.take(name) == model.pop(name, None)
            continue
        data = chr(ord("A") + number % 26) * size
        at_hand.put(name, data)
        model.pop(name, None)
        if size <= 10:
            model[name] = data
        while sum(map(len, model.values())) > 10:
            del model[next(iter(model))]
    left = {name: at_hand.take(name) for name in "abcde"}
    assert left == {name: model.get(name) for name in "abcde"}


def test_what_nobody_came_for_is_let_go() -> None:
    at_hand = AtHand(100)
    at_hand.put("a", "A")
    at_hand.drop_older(3600)
    assert at_hand.take("a") == "A"
    at_hand.put("b", "B")
    at_hand.drop_older(-1)
    assert at_hand.take("b") is None
