"""The signal of autoscaling, of a real stack with more to do than slots."""

from tests.stack import Stack, wait_until
from tests.web.api.test_api import get

Pair = tuple[str, str]


def test_what_waits_and_what_is_refused_wants_slots() -> None:
    with (
        Stack(
            admit_wait_ms=60_000, standing_wait_ms=60_000, max_waiting=2, tenant_waiting_percent=100
        ) as own,
        own.node(("en", "pt"), slots=1, answer=None) as node,
        own.client("en", "pt") as client,
    ):
        for _ in range(3):
            client.say()
        own.wait_waiting(2)
        found = get(own, "autoscaling")
        assert (found["backlog"], found["leases"], found["slots"]) == (2, 1, {"now": 1, "wanted": 4})
        wait_until(lambda: get(own, "autoscaling")["oldest_waiting_ms"] > 0, "time to pass")
        client.say()
        client.wait("error")
        wait_until(lambda: get(own, "autoscaling")["overloaded_per_s"] > 0, "the refusal to be counted")
        assert get(own, "autoscaling")["slots"]["wanted"] > 4
        for nth in (1, 2, 3):
            node.answer(node.job(nth))
        client.result(3)
        wait_until(lambda: get(own, "autoscaling")["backlog"] == 0, "the backlog to be served")
        assert get(own, "autoscaling")["oldest_waiting_ms"] == 0
        assert get(own, "autoscaling")["web_processes"] == {"now": 1, "wanted": 1}
