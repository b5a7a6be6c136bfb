"""Replies of the scripts as the callers see them."""

import json

import pytest

from scheduling.bodies import Bodies
from scheduling.ledger import Completed, Handed, NodeState, Placement, Progress, Registered
from scheduling.ledger.codes import BodyBudgetSpent
from tests.lua.world import CLASSES, DE, POOLS, World, registration, result


def test_register_says_what_to_do_about_the_former_socket(world: World) -> None:
    nodes = world.ledger.nodes
    assert nodes.register(registration("n1")) == Registered(1, "registering", 1, "", "", True)
    again = nodes.register(registration("n1", socket="so-2", instance="web2"))
    assert again == Registered(2, "registering", 2, "web1", "so-n1", True)
    assert [(entry["kind"], entry["socket"]) for entry in world.inbox()] == [("close", "so-n1")]


def test_register_tells_nobody_of_a_socket_that_closed_here(world: World) -> None:
    world.register("n1")
    world.register("n1", socket="so-2")
    assert world.inbox() == []


def test_register_joins_a_class_that_is_known(world: World) -> None:
    world.ready("n1")
    assert not world.ledger.nodes.register(registration("n2")).dirty
    assert world.dump().members(f"members:{POOLS['A']}") == {"n1", "n2"}


def test_heartbeat_gives_the_state_to_tell_the_node(world: World) -> None:
    world.register("n1", slots=3)
    assert world.beat("n1") == NodeState("ready", 2, "healthy", True, 3)
    assert world.beat("n1", draining=True) == NodeState("draining", 3, "the node asked for it", True, 3)


def test_drain_gives_status_and_its_number(world: World) -> None:
    world.ready("n1")
    nodes = world.ledger.nodes
    assert nodes.drain("n1", "operator", "new disk") == ("draining", 3)
    assert world.beat("n1").status == "draining"
    assert nodes.drain("n1", "", "done") == ("registering", 4)
    assert world.beat("n1").status == "ready"


def test_an_operators_drain_outlives_a_registration_a_nodes_own_does_not(world: World) -> None:
    for by, status in (("operator", "draining"), ("node", "ready")):
        world.ready(by)
        world.ledger.nodes.drain(by, by, "")  # type: ignore[arg-type]
        world.register(by, socket=f"so-{by}-2")
        assert world.beat(by, socket=f"so-{by}-2").status == status


def test_set_pools_gives_the_version_of_the_pools(world: World) -> None:
    world.register("n1")
    world.register("n2", klass="B")
    nodes = world.ledger.nodes
    assert nodes.set_pools("n1", CLASSES["A"], [POOLS["A"]]) == 1
    assert nodes.set_pools("n1", CLASSES["A"], [POOLS["A"], "gold"]) == 1
    assert nodes.set_pools("n2", CLASSES["B"], [POOLS["B"]]) == 2


def test_capability_of(world: World) -> None:
    world.register("n1", klass="C")
    assert world.ledger.nodes.capability_of("n1") == CLASSES["C"]
    assert world.ledger.nodes.capability_of("nobody") is None


def test_reserve_gives_the_place_and_a_repeated_request_the_same(world: World) -> None:
    world.ready("n1", "C")
    world.open()
    placed = world.reserve("j1", pools=[POOLS["C"]])
    assert placed == Placement("j1", 0, "dispatched", 1, "n1", "web1", True)
    assert world.reserve("j2", request="request-j1", pools=[POOLS["C"]]) == placed
    assert world.reserve("j3", pools=[POOLS["C"]]) == Placement(
        "j3", 1, "waiting", 0, "", "", False, wait_ms=2000
    )


def test_reserve_numbers_each_language_apart(world: World) -> None:
    world.ready("n1", "C", slots=3)
    world.open()
    orders = [
        world.reserve(f"j{number}", requirement=requirement, pools=[POOLS["C"]]).order
        for number, requirement in enumerate([DE, DE])
    ]
    assert (orders, world.reserve("j2", pools=[POOLS["C"]]).order) == ([0, 1], 0)


def test_reserve_writes_what_the_session_resumes_from(world: World) -> None:
    world.ready("n1")
    world.open()
    world.reserve("j1")
    session = world.dump().hash("session:s")
    assert (session["next_index"], session["audio_from"]) == ("1", "6.0")


def test_request_of_a_job_long_ended(world: World) -> None:
    world.ready("n1")
    world.open()
    world.reserve("j1")
    world.store.command("DEL", world.keys.job("j1"))
    assert world.reserve("j2", request="request-j1") == Placement("j1", -1, "ended", 0, "", "", False)


def test_equal_loads_go_to_the_preferred_pool_then_to_the_longest_idle(world: World) -> None:
    world.ready("a1", slots=2)
    world.ready("a2", slots=2)
    world.ready("c1", "C", slots=2)
    world.open()
    pools = [POOLS["A"], POOLS["C"]]
    taken = [world.reserve(f"j{number}", pools=pools, preferred=POOLS["C"]).node_id for number in range(3)]
    assert taken[0] == "c1"
    assert set(taken[1:]) == {"a1", "a2"}


def test_advance_tells_the_sessions_instance_once(world: World) -> None:
    world.ready("n1")
    world.open(instance="web2")
    world.reserve("j1", instance="web2")
    events = json.dumps([{"type": "ui_event"}])
    for _ in range(2):
        progress = world.ledger.jobs.advance("j1", "n1", 1, "accepted", "token", "web1", events)
        assert progress == Progress("accepted", "s", "web2")
    told = [entry for entry in world.inbox("web2") if entry["kind"] == "event"]
    assert [(entry["session"], entry["body"]) for entry in told] == [("s", events)]


def test_advance_goes_only_forward(world: World) -> None:
    world.ready("n1")
    world.open()
    world.reserve("j1")
    stages = [("started", "started"), ("dispatched", "started"), ("progress", "started")]
    for token, (stage, state) in enumerate(stages):
        said = world.ledger.jobs.advance("j1", "n1", 1, stage, str(token), "web1")  # type: ignore[arg-type]
        assert said.state == state


def test_complete_wakes_a_drain_once_and_hands_the_slot_on(world: World) -> None:
    world.ready("n1", slots=2)
    world.open()
    for number in range(4):
        world.reserve(f"j{number}")
    complete = world.ledger.jobs.complete
    made = world.now_ms
    handed = [
        Handed(job, 1, "{}", False, " n1 ", made, f"audio-{job}", "", session_here=True)
        for job in ("j2", "j3")
    ]
    assert complete("j0", "n1", 1, "ok", instance="web1") == Completed("done", True, (handed[0],))
    assert complete("j1", "n1", 1, "fail", instance="web1") == Completed("failed", False, (handed[1],))
    assert complete("j0", "n1", 1, "ok", instance="web1") == Completed("done", True, (handed[0],))
    assert world.outbox() == ["j0", "j1"]
    assert [world.job(job)["state"] for job in ("j2", "j3")] == ["dispatched"] * 2


def test_what_is_handed_on_brings_its_audio_and_says_who_else_is_to_hear_of_it(world: World) -> None:
    bodies = Bodies(world.store, world.settings)
    world.ready("n1", slots=1, instance="web2")
    world.open()
    for number in range(3):
        world.reserve(f"j{number}", body=bodies.along(f"audio-j{number}", "c291bmQ="))
    (handed,) = world.ledger.jobs.complete("j0", "n1", 1, "ok", instance="web2").handed
    assert (handed.job_id, handed.data, handed.session_here) == ("j1", "c291bmQ=", False)
    assert [entry["job"] for entry in world.inbox("web2")] == ["j0"], "the reply tells of the others"


def test_a_repeated_verdict_hands_on_only_what_has_not_gone_on(world: World) -> None:
    world.ready("n1", slots=1)
    world.open()
    for number in range(3):
        world.reserve(f"j{number}")
    jobs = world.ledger.jobs
    assert [each.job_id for each in jobs.complete("j0", "n1", 1, "ok", instance="web1").handed] == ["j1"]
    jobs.advance("j1", "n1", 1, "accepted", "a", "web1")
    assert jobs.complete("j0", "n1", 1, "ok", instance="web1").handed == ()


def test_an_assignment_for_another_instance_is_in_its_inbox(world: World) -> None:
    world.ready("n1", instance="web2")
    world.open()
    world.reserve("j1")
    world.reserve("j2")
    world.ledger.jobs.complete("j1", "n1", 1, "ok", instance="web1")
    told = [(entry["kind"], entry["job"], entry["attempt"], entry["node"]) for entry in world.inbox("web2")]
    assert told == [("dispatch", "j1", "1", "n1"), ("dispatch", "j2", "1", "n1")]


def test_cancel_reaches_the_node_that_was_sent_the_job(world: World) -> None:
    world.ready("n1")
    world.open()
    world.started("j1")
    assert world.ledger.jobs.cancel("j1", "CANCELLED", "by wish") == "cancelled"
    assert world.ledger.jobs.cancel("j1", "CANCELLED", "by wish") == "cancelled"
    assert [(entry["kind"], entry["job"]) for entry in world.inbox()] == [("cancel", "j1")]


def test_settle_gives_the_next_due_time_and_only_one_sweeper_works(world: World) -> None:
    assert world.settle() == 0
    world.ready("n1")
    assert world.settle() == world.now_ms + 22_501
    assert world.settle(sweeper="another") is None


def test_sessions(world: World) -> None:
    sessions = world.ledger.sessions
    epoch = f"{world.ledger.cell.epoch}.{world.now_ms}"
    assert sessions.open("s", "web1", "client", "{}") == (epoch, "")
    assert sessions.open("s", "web2", "again", "{}") == (epoch, "web1")
    assert not sessions.close("s", "client")
    assert sessions.close("s", "again")


def test_results_are_released_as_they_are_stored(world: World) -> None:
    """Once their turn has come; a batch goes on where it stopped."""
    world.open()
    sessions = world.ledger.sessions
    assert sessions.store_all([result(1), result(2), result(0)], most=2) == [False, False, True]
    assert [entry["order"] for entry in world.dump().entries("out:s")] == ["0", "1"]
    assert sessions.release("s", "pt") == (3, False)
    assert sessions.store_all([result(0)]) == [False]
    assert [entry["order"] for entry in world.dump().entries("out:s")] == ["0", "1", "2"]


def test_results_come_out_in_order_with_their_group(world: World) -> None:
    world.open()
    sessions = world.ledger.sessions
    assert not any(sessions.store_all([result(3), result(1, grouped=False), result(0)], most=0))
    assert sessions.release("s", "pt", most=1) == (1, True)
    assert sessions.release_all([("s", "pt")]) == [(2, False)]
    assert not sessions.store(result(0))
    assert sessions.store(result(2))
    assert sessions.release("s", "pt") == (4, False)
    out = world.dump().entries("out:s")
    assert [(entry["order"], entry["part"]) for entry in out] == [
        ("0", "0"),
        ("1", "0"),
        ("2", "1"),
        ("3", "2"),
    ]
    assert [entry["group"] for entry in out] == ["group_s_pt_0", "", "group_s_pt_0", "group_s_pt_0"]
    assert [entry["kind"] for entry in world.inbox()] == ["out"] * 3


def test_a_pause_begins_a_new_group(world: World) -> None:
    world.open()
    for order in range(2):
        world.ledger.sessions.store(result(order))
        world.ledger.sessions.release("s", "pt")
        world.go(world.settings.group_ms + 1)
    assert [entry["group"] for entry in world.dump().entries("out:s")] == ["group_s_pt_0", "group_s_pt_1"]


def test_the_window_of_a_group_counts_from_the_end_of_its_play(world: World) -> None:
    world.open()
    sessions = world.ledger.sessions
    for order, played in enumerate(["group_s_pt_0", "group_s_pt", "group_s_pt_99"]):
        sessions.store(result(order))
        sessions.release("s", "pt")
        world.go(world.settings.group_ms)
        sessions.played("s", played, order)
        world.go(world.settings.group_ms)
    groups = [entry["group"] for entry in world.dump().entries("out:s")]
    assert groups == ["group_s_pt_0", "group_s_pt_0", "group_s_pt_2"], (
        "the plays of other groups do not count"
    )


def test_without_room_for_its_audio_nothing_is_placed(world: World) -> None:
    bodies = Bodies(world.store, world.settings.model_copy(update={"body_budget": 10}))
    world.ready("n1")
    world.open()
    with pytest.raises(BodyBudgetSpent):
        world.reserve("j1", body=bodies.along("a:j1", "A" * 11))
    assert world.job("j1") == {}
    assert world.reserve("j2", body=bodies.along("a:j2", "A" * 10)).order == 0


def test_without_room_for_its_speech_a_result_goes_alone(world: World) -> None:
    bodies = Bodies(world.store, world.settings.model_copy(update={"body_budget": 10}))
    world.ready("n1")
    world.open()
    world.started("j1")
    done = world.ledger.jobs.complete(
        "j1", "n1", 1, "ok", instance="web1", result="{}", body=bodies.along("s:j1", "A" * 11)
    )
    assert done.state == "done"
    assert (world.job("j1")["speech"], world.job("j1")["result"]) == ("", "{}")
