"""Whose turn it is when everybody waits: from a session's tenant to the node that is sent the job."""

from contextlib import ExitStack

from tests.peers import FakeClient, FakeNode
from tests.stack import Stack

PAIR = ("en", "pt")
#: Whose turn it is shows only where many may wait.
LONG = {"admit_wait_ms": 60_000, "standing_wait_ms": 60_000}


def order_served(stack: Stack, node: FakeNode, tenants: list[str]) -> list[str]:
    """Let a session of each tenant say something while the node is busy; give them as they were served."""
    with ExitStack() as peers:
        sessions: dict[str, str] = {}
        first = peers.enter_context(stack.client(*PAIR))
        first.say()
        node.job(1)
        for tenant in tenants:
            client: FakeClient = peers.enter_context(stack.client(*PAIR, tenant_id=tenant))
            sessions[client.session_id] = tenant
            client.say()
            stack.wait_waiting(len(sessions))
        for turn in range(1, len(tenants) + 1):
            node.answer(node.job(turn))
            node.job(turn + 1)
        node.answer(node.job(len(tenants) + 1))
        return [sessions[job["session_id"]] for job in node.jobs[1:]]


def test_a_tenant_that_talks_without_end_leaves_others_their_turn() -> None:
    with Stack(**LONG) as stack, stack.node(PAIR, answer=None, slots=1) as node:
        served = order_served(stack, node, ["flood"] * 4 + ["calm"])
        assert served == ["flood", "calm", "flood", "flood", "flood"]


def test_a_tenant_of_a_higher_class_goes_first() -> None:
    with (
        Stack(tenant_priorities="doctor=high,robot=low", **LONG) as stack,
        stack.node(PAIR, answer=None, slots=1) as node,
    ):
        assert order_served(stack, node, ["robot", "guest", "doctor"]) == ["doctor", "guest", "robot"]


def test_a_tenant_of_more_weight_gets_more_of_the_slots() -> None:
    with (
        Stack(tenant_weights="paid=100", **LONG) as stack,
        stack.node(PAIR, answer=None, slots=1) as node,
    ):
        served = order_served(stack, node, ["free", "free", "paid", "paid", "paid"])
        assert served == ["free", "paid", "paid", "paid", "free"]


def test_a_job_of_several_slots_takes_them_all() -> None:
    with (
        Stack(slot_costs="tts=2") as stack,
        stack.node(PAIR, answer=None, slots=3) as node,
        stack.client(*PAIR) as client,
    ):
        client.say()
        first = node.job(1)
        client.say()
        stack.wait_waiting(1)
        node.answer(first)
        node.answer(node.job(2))
        assert len(client.texts(2)) == 2
