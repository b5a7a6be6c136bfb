"""The loads of the overload and of the storm, small, against real processes: nothing is left uncounted."""

import asyncio

from bench.figures import quantile
from bench.overload_load import run
from bench.storm_crowd import Crowd
from tests.stack import Stack

PAIR = ("en", "pt")


def test_each_utterance_is_admitted_or_refused_with_an_estimate() -> None:
    with Stack(attempt_ms=400, max_attempts=1) as stack, stack.node(PAIR, slots=1, answer=None):
        url = stack.webs[0].url("/ws/session")
        scores = asyncio.run(run(url, {"calm": 4.0, "flood": 40.0}, 0.0, 2.0))
        flood = scores["flood"].figures()
        assert flood["refused"].keys() == {"NODE_OVERLOADED"}
        assert flood["refusals_with_estimate"] == flood["refused"]["NODE_OVERLOADED"]
        for each in (score.figures() for score in scores.values()):
            assert each["offered"] == each["admitted"] + sum(each["refused"].values())
        assert "no answer" not in flood["given_up"]
        stack.assert_clean_logs()


def test_a_crowd_is_counted_in_and_as_often_as_it_was_turned_away() -> None:
    with Stack(handshakes_per_s=50, handshake_burst=8) as stack:
        crowd = Crowd(stack.webs[0].port, 40)
        asyncio.run(crowd.run())
        assert len(crowd.inside_s) == 40
        assert crowd.refused == sum(crowd.turned_away) == stack.webs[0].stats()["refused_handshakes"] > 0
        assert not crowd.errors
        stack.assert_clean_logs()


def test_quantiles() -> None:
    assert quantile([], 0.5) == 0.0
    assert [quantile([3.04, 1.0, 2.0], share) for share in (0.0, 0.5, 1.0)] == [1.0, 2.0, 3.0]
