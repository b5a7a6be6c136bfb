"""Faults the scripts have had: each test tells the story of one."""

import json

import pytest

from scheduling.bodies import Bodies
from scheduling.ledger.codes import BodyBudgetSpent, NoNode, SessionMoved
from scheduling.ledger.sessions import Refusal
from scheduling.requirement import Requirement
from scheduling.store.plain import PlainStore
from tests.lua.world import CLASSES, DE, POOLS, PT, SPEECH, World, result


def states(world: World, *jobs: str) -> list[str]:
    return [world.job(job)["state"] for job in jobs]


def test_attempt_started_by_a_settled_entry_is_not_ended_by_the_next(world: World) -> None:
    """A sweep took a list of what was due; its first entry moved a job to a new node, and its second,
    the same job's old deadline, ended the attempt that had just begun.
    """
    world.ready("n1", beat_ms=1000)
    world.ready("n2")
    world.open()
    world.ledger.nodes.offline("n2", "so-n2", "away", 2000)
    assert world.started("j1").node_id == "n1"
    world.go(29_999)
    world.beat("n2")
    world.go(1)  # n1 is offline now, and the attempt's time is over in the same moment
    world.settle()
    record = world.job("j1")
    assert (record["state"], record["node"], record["attempt"]) == ("assigned", "n2", "2")


def test_many_silent_nodes_do_not_hide_a_live_one(world: World) -> None:
    """When more than 8 nodes fell silent at once, a reservation looked at 8 of them and let the job
    wait beside the slot of the next.
    """
    for number in range(10):
        world.ready(f"dead{number}", beat_ms=1000)
    world.ready("live")
    world.open()
    world.go(1501)
    world.store.command("ZREM", world.keys.deadlines, *[f"n|dead{number}" for number in range(10)])
    assert world.reserve("j1").node_id == "live"


def test_sign_of_life_of_a_silent_node_hands_out_its_slots(world: World) -> None:
    """A pong made a silent node dispatchable again, but the jobs that waited were not looked at."""
    world.ready("n1")
    world.open()
    world.go(22_501)
    assert world.reserve("j1").state == "waiting"
    world.ledger.nodes.touch("n1", "so-n1")
    assert states(world, "j1") == ["assigned"]


def test_late_pong_does_not_prolong_the_grace_of_a_closed_socket(world: World) -> None:
    """A touch that arrived after the close moved the end of the grace to the next silence."""
    world.ready("n1")
    world.ledger.nodes.offline("n1", "so-n1", "closed", 2000)
    world.ledger.nodes.touch("n1", "so-n1")
    world.go(2000)
    world.settle()
    assert world.node("n1")["status"] == "offline"


def test_silent_node_gets_no_job_when_a_worker_confirms_its_pools(world: World) -> None:
    """`set_node_pools` served a node by what its record said last, though it had been silent since."""
    world.ready("n1")
    world.open()
    world.go(22_501)
    world.reserve("j1")
    world.store.command("HSET", world.keys.node("n1"), "why", "")  # nobody has settled the silence yet
    world.ledger.nodes.set_pools("n1", CLASSES["A"], [POOLS["A"]])
    assert states(world, "j1") == ["waiting"]


def test_job_waiting_for_a_heartbeat_gets_the_languages_of_that_heartbeat(world: World) -> None:
    """The first job a heartbeat handed out was told the semantic languages of the heartbeat before."""
    world.ready("n1", "A")
    world.open()
    world.started("j1")
    world.ledger.nodes.set_pools("n1", CLASSES["A"], [POOLS["A"], POOLS["C"]])
    world.reserve("j2")
    world.register("n1", klass="A", socket="so-2", slots=2)
    world.store.command("HSET", world.keys.pools, POOLS["C"], CLASSES["C"].canonical())
    world.ledger.nodes.link(PT, [POOLS["C"]])
    world.beat("n1", klass="C", socket="so-2", changed=True)
    record = world.job("j2")
    assert (record["state"], record["semantic"]) == ("assigned", "1")


def test_node_whose_class_changed_gets_no_job_of_the_old_one(world: World) -> None:
    """A node that could no longer do a language stayed in its old pool until a worker came by."""
    world.ready("n1", "A")
    world.open()
    world.beat("n1", klass="B", changed=True)
    assert world.reserve("j1").state == "waiting"


def test_second_change_of_class_is_marked_too(world: World) -> None:
    """A second change found the mark of the first, and left none. The worker that took up the first was
    told that its computation was out of date, so the node stood in no pool for good.
    """
    world.ready("n1", "A")
    world.beat("n1", klass="B", changed=True)
    world.beat("n1", klass="C", changed=True)
    assert [entry["node"] for entry in world.dump().entries("outbox:nodes")] == ["n1", "n1", "n1"]


def test_retry_avoids_tried_nodes_again_after_it_once_had_to_take_one(world: World) -> None:
    """Once a retry had waited its second for another node, all later attempts took tried nodes at once."""
    world.ready("n1")
    world.open()
    world.started("j1")
    world.ledger.jobs.complete("j1", "n1", 1, "retry", instance="web1")
    world.go(world.settings.relax_ms)
    world.settle()
    assert states(world, "j1") == ["assigned"]
    world.ledger.jobs.complete("j1", "n1", 2, "retry", instance="web1")
    assert states(world, "j1") == ["waiting"]


def test_deadline_that_lapsed_in_silence_wakes_nobody_else(world: World) -> None:
    """A sweep that failed a job took the mark "a drain is on its way" though nobody was told, and the
    results of the next quarter of a second woke nobody either.
    """
    world.ready("n1", slots=2)
    world.open()
    world.reserve("lost")
    world.go(30_000)
    world.settle()
    world.beat("n1")
    for _ in range(3):
        world.go(10_000)
        world.settle()
        world.beat("n1")
    assert states(world, "lost") == ["failed"]
    world.started("j2")
    assert world.ledger.jobs.complete("j2", "n1", 1, "ok", instance="web1").wake


def test_link_to_a_large_pool_places_all_who_wait(world: World) -> None:
    """Linking placed 64 jobs and left the others beside free slots."""
    world.ready("full")
    world.open()
    jobs = [f"j{number}" for number in range(101)]
    for job in jobs:
        world.reserve(job)
    for node in ("large1", "large2"):
        world.ready(node, "C", slots=60)
    world.ledger.nodes.link(PT, [POOLS["C"]])
    world.settle()
    assert set(states(world, *jobs[1:])) == {"assigned"}


def test_jobs_behind_relaxed_ones_are_looked_at(world: World) -> None:
    """Eight jobs that had failed on a node kept the ninth, which had not, from being looked at; when
    their wish for another node lapsed they were placed, and the ninth still waited beside a free slot.
    """
    world.ready("n1", slots=10)
    world.open()
    tried = [f"t{number}" for number in range(8)]
    for job in tried:
        world.started(job)
    world.ledger.nodes.drain("n1", "operator", "")
    for job in tried:
        world.ledger.jobs.requeue(job, "n1", 1, "NODE_UNAVAILABLE", "")
    world.reserve("ninth")
    world.ledger.nodes.drain("n1", "", "")
    world.beat("n1")
    world.go(world.settings.relax_ms)
    world.settle()
    assert set(states(world, *tried, "ninth")) == {"assigned"}


def test_slow_heartbeats_are_noticed_missing_in_time(world: World) -> None:
    """A node that beats every 40 s was looked at after 60 s only; it counts as offline after 30 s."""
    world.ready("n1", beat_ms=40_000)
    world.go(world.settings.silence_ms)
    world.settle()
    assert world.node("n1")["status"] == "offline"


def test_groups_that_begin_in_one_moment_have_different_names(world: World) -> None:
    """Nine results released at once make two groups; both were named after the same millisecond."""
    world.open()
    for order in range(9):
        world.ledger.sessions.store(result(order))
    world.ledger.sessions.release("s", "pt")
    out = world.dump().entries("out:s")
    assert len({(entry["group"], entry["part"]) for entry in out}) == 9


def test_result_for_a_session_that_is_gone_does_not_bring_it_back(world: World) -> None:
    """A late result made a new record of a lapsed session; a client that came back under that name would
    have had its first results taken for old ones.
    """
    assert not world.ledger.sessions.store(result(0))
    assert world.ledger.sessions.release("s", "pt") == (0, False)
    assert world.dump().hash("session:s") == {}


def test_requirement_nobody_serves_leaves_no_trace(world: World) -> None:
    """Each made-up language pair a client asked for stayed in the cell for ever."""
    world.ready("n1")
    world.open()
    for number in range(3):
        with pytest.raises(NoNode):
            world.reserve(f"j{number}", requirement=Requirement("en", f"x{number}", SPEECH), pools=[])
    assert world.dump().hash("requirements") == {}


def test_requirement_of_an_outdated_caller_is_noted_for_the_workers(world: World) -> None:
    world.ready("n1")
    world.open()
    with pytest.raises(NoNode):
        world.reserve("j1", requirement=DE, pools=[], version=0)
    noted = [entry for entry in world.dump().entries("outbox:nodes") if "requirement" in entry]
    assert noted == [{"requirement": DE.requirement_id}]
    assert json.loads(world.dump().hash("requirements")[DE.requirement_id])["tgt"] == "de"


def test_requirement_whose_former_nodes_are_gone_finds_a_pool_made_since(world: World) -> None:
    """A worker links new pools a moment after their nodes are in them; in between "no node" was said.

    The caller knows the pool already: its view is as new as the ledger's.
    """
    world.ready("n1")
    world.open()
    world.reserve("j1")
    world.ledger.jobs.complete("j1", "n1", 1, "ok", instance="web1")
    world.ledger.nodes.offline("n1", "so-n1", "gone", 0)
    world.store.command("DEL", f"{world.keys.prefix}poolgone:{POOLS['A']}")
    world.ready("n2", klass="C")
    with pytest.raises(NoNode):
        world.reserve("j2", pools=[POOLS["A"], POOLS["C"]], version=1)
    placed = world.reserve("j3", pools=[POOLS["A"], POOLS["C"]], version=2)
    assert (placed.state, placed.node_id) == ("dispatched", "n2")


def test_body_stored_again_after_it_lapsed_is_accounted_once(store: PlainStore) -> None:
    """A body that lapsed and was stored again under its name was counted twice, and the budget shrank."""
    world = World(store)
    bodies = Bodies(store, world.settings)
    for name in ("a", *(f"other{number}" for number in range(70))):
        bodies.put(name, "x" * 100).wait()
        world.go(1)
    store.command("DEL", world.keys.body("other69"))
    world.go(world.settings.body_ttl_ms)
    bodies.put("other69", "x" * 100).wait()
    while len(store.command("ZRANGE", world.keys.body_index, 0, -1)) > 1:
        bodies.put("other69", "x" * 100).wait()
    assert store.command("HGET", world.keys.cell, "bodies") == b"100"


def test_body_budget(store: PlainStore) -> None:
    world = World(store, body_budget=2**20)
    bodies = Bodies(store, world.settings)
    bodies.put("a", "x" * 2**20).wait()
    with pytest.raises(BodyBudgetSpent):
        bodies.put("b", "x").wait()
    bodies.drop("a").wait()
    bodies.put("b", "x").wait()
    assert bodies.get("a") is None
    assert bodies.get("b") == "x"


def test_an_utterance_that_failed_can_be_said_again(world: World) -> None:
    """Told to say it again, a client did, and the request id found the job that had failed: nothing was
    placed, nothing was answered.
    """
    world.ready("n1")
    world.open()
    world.reserve("j1", request="r")
    world.ledger.jobs.cancel("j1", "NODE_OVERLOADED", "")
    assert world.reserve("j2", request="r").job_id == "j2"
    assert world.reserve("j3", request="r").job_id == "j2"


def test_a_repeated_call_finds_its_job_also_after_that_failed(world: World) -> None:
    """The binding of a failed job is gone; the very same call, repeated, must not run the job anew."""
    world.ready("n1")
    world.open()
    first = world.reserve("j1", request="r")
    world.ledger.jobs.cancel("j1", "NODE_OVERLOADED", "")
    again = world.reserve("j1", request="r")
    assert (again.order, again.state) == (first.order, "cancelled")


def test_nodes_of_a_dead_instance_get_no_new_work(world: World) -> None:
    """Jobs were assigned to nodes whose instance had died until all their attempts were spent, beside
    free nodes of an instance that lived.
    """
    world.ready("dead", instance="web2")
    world.ready("live", slots=2)
    world.open()
    world.heard("web2")
    assert world.reserve("j1").node_id == "dead"
    world.go(world.settings.presence_ms)
    world.ledger.jobs.complete("j1", "dead", 1, "ok", instance="web2")
    assert world.reserve("j2").node_id == "live"
    assert world.reserve("j3").node_id == "live"
    assert world.node("dead")["why"] == "instance_silent"
    world.register("dead", socket="so-again")
    world.beat("dead", socket="so-again")
    assert world.reserve("j4").node_id == "dead"


def test_an_instance_that_was_only_slow_has_its_nodes_back_in_a_moment(world: World) -> None:
    """A process that had not swept for three seconds lost its nodes until their next heartbeat."""
    world.ready("n1", instance="web2")
    world.open()
    world.heard("web2")
    world.go(world.settings.presence_ms)
    assert world.reserve("j1").state == "waiting"
    world.heard("web2")
    world.go(world.settings.presence_ms - 1)
    world.heard("web2")
    world.go(1)
    world.settle(sweeper="web2")
    assert states(world, "j1") == ["assigned"]


def test_an_utterance_that_was_placed_after_all_is_not_recorded_as_refused(world: World) -> None:
    """The reply of a reservation was lost with a slow server, so its utterance was refused. The script had
    run and moved the session on, so the refusal left no entry, yet was said to have left one: the client
    heard of it neither by its stream nor by its socket.
    """
    world.ready("n1")
    world.open()
    world.reserve("j1")
    sessions = world.ledger.sessions
    assert not sessions.refuse("s", "client", Refusal("pt", 1, (6, 0), "", "{}"))
    assert world.dump().entries("out:s") == []
    for _ in range(2):
        assert sessions.refuse("s", "client", Refusal("pt", 2, (7, 0), "", "{}"))
    assert [entry["order"] for entry in world.dump().entries("out:s")] == ["-2"]


def test_the_refusal_of_what_was_sent_whole_is_told_once(world: World) -> None:
    """Unless it was accepted after all, by a call whose reply was lost."""
    world.ready("n1", slots=2)
    world.open()
    world.reserve("j1", request="whole-1")
    sessions = world.ledger.sessions
    assert not sessions.refuse("s", "client", Refusal("pt", 5, None, "", "{}", "whole-1", "one"))
    assert not sessions.refuse("s", "another", Refusal("pt", 6, None, "", "{}", "whole-2", "two"))
    for token in ("three", "three", "said again, refused again"):
        assert sessions.refuse("s", "client", Refusal("pt", 6, None, "", "{}", "whole-2", token))
    assert [entry["order"] for entry in world.dump().entries("out:s")] == ["-6", "-6"]
    assert world.dump().hash("session:s")["next_index"] == "1", "the stream goes on where it was"


def test_a_reservation_that_comes_after_its_refusal_accepts_nothing(world: World) -> None:
    """The server stood still with the call in its buffer, and the utterance was refused. A client that came
    back over another socket before the late job was found and ended heard of both: it ended twice.
    """
    world.ready("n1")
    world.open()
    assert world.ledger.sessions.refuse("s", "client", Refusal("pt", 1, (6, 0), "", "{}"))
    with pytest.raises(SessionMoved):
        world.reserve("j1")
    assert world.dump().scores("leases:n1") == {}


def test_an_utterance_cancelled_as_it_is_sent_is_taken_back_from_its_node(world: World) -> None:
    """Attempts sent in one moment are noted together, a little later: a cancel that came in between told the
    node nothing, which did the work in vain."""
    world.ready("n1")
    world.open()
    world.reserve("j1")
    assert world.ledger.jobs.cancel("j1", "UTTERANCE_CANCELLED", "") == "cancelled"
    assert [(entry["kind"], entry["job"]) for entry in world.inbox()] == [("cancel", "j1")]
