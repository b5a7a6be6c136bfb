"""Every script run twice with the same arguments gives the same reply and has no second effect.

This is what allows a call to be repeated whenever its reply did not come. The scenarios go through the
typed calls; `TwiceStore` repeats each of them below, so a scenario also tries all it needs to get there.
"""

import contextlib
from dataclasses import replace

import pytest

from scheduling import scripts
from scheduling.keys import Keys
from scheduling.ledger import Dispatch
from scheduling.ledger.codes import LedgerError, NoNode, QueueFull, StaleAttempt, StaleCapabilities
from scheduling.ledger.sessions import Held, Refusal, Restored, Unanswered
from scheduling.store.plain import PlainStore
from scheduling.workers import HEARD_MS, note_worker, read_workers
from tests.lua import (  # noqa: F401  # they register theirs
    body_scenarios,
    instance_scenarios,
    quota_scenarios,
    room_scenarios,
)
from tests.lua.twice import SCENARIOS, Scenario, TwiceStore, scenario
from tests.lua.world import CLASSES, POOLS, PT, World, registration, result


@pytest.mark.parametrize("name", sorted(scripts.load_all()))
def test_every_script_has_a_scenario(name: str) -> None:
    assert name in {script for script, _ in SCENARIOS}


@pytest.mark.parametrize(("script", "body"), SCENARIOS, ids=lambda part: getattr(part, "__name__", part))
def test_twice_is_once(store: PlainStore, script: str, body: Scenario) -> None:
    twice = TwiceStore(store, Keys("0").prefix)
    body(World(twice))
    assert script in twice.ran


def waiting(world: World) -> None:
    """Two jobs run on the two slots of ``n1``, three more wait."""
    world.ready("n1", slots=2)
    world.open()
    for number in range(5):
        world.reserve(f"j{number}")


@scenario("open_cell")
def opened_again(world: World) -> None:
    world.ledger.cell.open()


@scenario("register_node")
def new_class(world: World) -> None:
    world.register("n1")


@scenario("register_node")
def taken_over_with_lost_attempts(world: World) -> None:
    waiting(world)
    world.ready("n2")
    world.ledger.jobs.advance("j0", "n1", 1, "dispatched", "t1", "web1")
    world.ledger.jobs.advance("j1", "n1", 1, "dispatched", "t2", "web1")
    again = registration("n1", slots=2, socket="so-later", instance="web2", running=[("j1", 1)])
    assert world.ledger.nodes.register(again).former_socket == "so-n1"
    assert world.job("j0")["state"] == "waiting"


@scenario("register_node")
def of_another_credential(world: World) -> None:
    world.register("n1")
    with contextlib.suppress(LedgerError):
        world.register("n1", socket="thief", credential="stolen")


@scenario("heartbeat")
def unhealthy_in_a_row(world: World) -> None:
    world.ready("n1")
    states = [world.beat("n1", healthy=False).status for _ in range(3)]
    assert states == ["ready", "ready", "degraded"]


@scenario("heartbeat")
def more_running_than_known(world: World) -> None:
    """The freed slots are handed out; counting the leases again would free what is held back."""
    waiting(world)
    world.register("n1", slots=4, socket="so-larger")
    world.beat("n1", socket="so-larger", running=3)
    assert len(world.dump().scores("leases:n1")) == 3


@scenario("heartbeat")
def changed_class(world: World) -> None:
    world.ready("n1")
    assert world.beat("n1", klass="B", changed=True).dirty


@scenario("heartbeat")
def back_from_offline(world: World) -> None:
    waiting(world)
    world.ledger.nodes.offline("n1", "so-n1", "gone", 0)
    assert world.beat("n1").status == "ready"


@scenario("heartbeat")
def lists_what_it_runs(world: World) -> None:
    waiting(world)
    world.go(1000)
    world.beat("n1", attempts=[("j0", 1), ("j1", 1), ("foreign", 1)])
    assert world.job("j0")["state"] == "dispatched"


@scenario("touch_node")
def silent_node(world: World) -> None:
    world.ready("n1")
    world.go(23_000)
    world.settle()
    world.ledger.nodes.touch("n1", "so-n1")


@scenario("note_worker")
def workers_come_and_go(world: World) -> None:
    """One that was not heard for long counts no more, and leaves nothing behind."""
    now_ms = int(world.now_ms)
    for name in ("drain@a-1", "drain@b-2", "control@a-3"):
        note_worker(world.ledger.cell, name)
    assert read_workers(world.ledger.cell, now_ms) == {"drain": 2, "control": 1}
    world.go(HEARD_MS + 1)
    note_worker(world.ledger.cell, "drain@b-2")
    assert read_workers(world.ledger.cell, now_ms + HEARD_MS + 1) == {"drain": 1}
    assert world.store.command("ZCARD", world.keys.workers) == 1


@scenario("drain_node")
def drained_and_back(world: World) -> None:
    waiting(world)
    world.ledger.nodes.drain("n1", "operator", "new disk")
    world.ledger.nodes.drain("n1", "", "done")


@scenario("set_node_pools")
def first_of_its_class(world: World) -> None:
    world.register("n1")
    world.beat("n1")
    world.ledger.nodes.set_pools("n1", CLASSES["A"], [CLASSES["A"].class_id, "gold"])


@scenario("node_offline")
def without_grace(world: World) -> None:
    waiting(world)
    world.ledger.nodes.offline("n1", "so-n1", "closed", 0)


@scenario("node_offline")
def with_grace(world: World) -> None:
    waiting(world)
    world.ledger.nodes.offline("n1", "so-n1", "closed", 2000)
    world.go(2000)
    world.settle()


@scenario("link_requirement")
def slots_found(world: World) -> None:
    waiting(world)
    world.ready("n2", "C", slots=2)
    assert world.ledger.nodes.link(PT, [CLASSES["C"].class_id]) == 1


@scenario("link_requirement")
def computed_from_others(world: World) -> None:
    world.ready("n1")
    with pytest.raises(StaleCapabilities):
        world.ledger.nodes.link_all([(PT, [POOLS["A"]])], 7)
    world.ledger.nodes.link_all([(PT, [POOLS["A"]])], 1)


@scenario("set_class_pools")
def noted_and_contested(world: World) -> None:
    world.ready("n1")
    name, pools = POOLS["A"], f"{POOLS['A']} gold"
    world.ledger.nodes.set_class_pools([(name, "", pools)])
    with pytest.raises(StaleCapabilities):
        world.ledger.nodes.set_class_pools([(name, "", f"{name} silver")])


@scenario("join_pools")
def moved_to_noted_pools(world: World) -> None:
    waiting(world)
    world.register("n2", klass="C", slots=2)
    world.ledger.nodes.set_pools("n2", CLASSES["C"])
    world.beat("n2", klass="C")
    world.ledger.nodes.link(PT, [POOLS["A"], "gold"])
    world.ledger.nodes.set_class_pools([(POOLS["C"], "", f"{POOLS['C']} gold")])
    world.ledger.nodes.join_pools(["n2", "nobody"], POOLS["C"])
    world.ledger.nodes.join_pools(["n2"], POOLS["A"])


@scenario("class_moved")
def moved_again_meanwhile(world: World) -> None:
    world.ready("n1")
    name = POOLS["A"]
    for former, pools in (("", "gold"), ("gold", "silver")):
        world.ledger.nodes.set_class_pools([(name, former, pools)])
    assert not world.ledger.nodes.class_moved(name, "gold")
    assert world.ledger.nodes.class_moved(name, "silver")


@scenario("set_pool_file")
def changed_and_wrong(world: World) -> None:
    assert world.ledger.nodes.set_pool_file('{"pools":[]}', "") == 1
    assert world.ledger.nodes.set_pool_file('{"pools":[]}', "line 3 is wrong") == 1


@scenario("issue_pairing_code")
def asked_for_at_once_and_later(world: World) -> None:
    def issue(node: str, code: str) -> list[object]:
        reply: list[object] = world.ledger.cell.call("issue_pairing_code", [], [node, code, 300_000, 10_000])
        return reply

    assert issue("n1", "AAAA") == [1, b"AAAA", 300_000]
    assert issue("n2", "AAAA") == [0]
    world.go(9_000)
    assert issue("n1", "BBBB") == [1, b"AAAA", 291_000]
    world.go(1_000)
    assert issue("n1", "BBBB") == [1, b"BBBB", 300_000]
    assert world.dump().named("pairing") == ["BBBB"]


@scenario("use_pairing_code")
def right_wrong_and_too_often_wrong(world: World) -> None:
    def use(code: str, token: str) -> list[object]:
        reply: list[object] = world.ledger.cell.call("use_pairing_code", [], [code, token, 2, 60_000])
        return reply

    code = world.ledger.pairing.issue("n1").code
    assert use(code, "t0") == [1, b"n1"]
    assert use("WRONG", "t1") == use("WRONG", "t2") == [0]
    assert use(code, "t3") == [0]


@scenario("pin_node")
def waited_for(world: World) -> None:
    waiting(world)
    world.register("n2", klass="C", slots=2)
    world.ledger.nodes.set_pools("n2", CLASSES["C"])
    world.beat("n2", klass="C")
    world.ledger.nodes.link(PT, [POOLS["A"], "node-n2"])
    assert world.ledger.pairing.pin("n2") == POOLS["C"]


@scenario("prune_pool")
def made_for_a_requirement(world: World) -> None:
    pool = f"req-{PT.requirement_id}"
    world.ledger.nodes.link(PT, [pool])
    assert not world.ledger.nodes.prune_pool(pool, [PT.requirement_id])
    world.go(world.settings.node_memory_ms)
    assert world.ledger.nodes.prune_pool(pool, [PT.requirement_id])
    assert not world.dump().hash("requirements")


@scenario("publish_snapshot")
def older_and_newer(world: World) -> None:
    for version, json in ((1, "a"), (2, "b"), (2, "c"), (1, "d")):
        world.ledger.cell.call("publish_snapshot", [world.keys.snapshot], [version, json])
    assert world.store.command("GET", world.keys.snapshot) == b"c"


@scenario("prune_pool")
def forgotten(world: World) -> None:
    world.ready("n1")
    world.ledger.nodes.link(PT, [POOLS["A"]])
    for _ in range(2):
        assert not world.ledger.nodes.prune_pool(POOLS["A"], [PT.requirement_id])
        world.ledger.nodes.offline("n1", "so-n1", "gone", 0)
        world.go(world.settings.node_memory_ms // 2 + 1)
    assert not world.ledger.nodes.prune_pool(POOLS["A"], [PT.requirement_id])
    world.go(world.settings.node_memory_ms // 2)
    assert world.ledger.nodes.prune_pool(POOLS["A"], [PT.requirement_id])


@scenario("open_session")
def taken_over(world: World) -> None:
    world.open()
    world.open(instance="web2", socket="client-again")


@scenario("close_session")
def closed(world: World) -> None:
    world.open()
    assert world.ledger.sessions.close("s", "client")
    assert not world.ledger.sessions.close("s", "another")


@scenario("resume_session")
def resumed_elsewhere(world: World) -> None:
    world.ledger.sessions.open("s", "web1", "client", "{}", "digest")
    world.ledger.sessions.store(result(0))
    world.ledger.sessions.release("s", "pt")
    assert world.ledger.sessions.resume("s", "web2", "client-again", "guess") is None
    resumed = world.ledger.sessions.resume("s", "web2", "client-again", "digest")
    assert resumed is not None and (resumed.first_kept, resumed.last) == (1, 1)
    assert [entry["kind"] for entry in world.inbox()] == ["out", "moved"]


@scenario("restore_session")
def told_by_its_owner(world: World) -> None:
    """All that a restore can find behind, once each; then nothing is, and then another one holds it."""
    world.ready("n1")
    world.open()
    world.reserve("j1")
    world.ledger.sessions.store(result(0))
    world.ledger.sessions.release("s", "pt")
    running = [Unanswered("pt", order, "[]", f'{{"lost":{order}}}') for order in (0, 1, 2, -5)]
    held = Held("s", "web1", "client", 1, "", "{}", "E.7", 1, 5, (4, 0), {"pt": (3, 0)}, running)
    assert world.ledger.sessions.restore([held]) == [Restored(held=True, behind=True, lost=3)]
    kept = [(entry["order"], entry["main"]) for entry in world.dump().entries("out:s")]
    assert kept == [("0", '{"order": 0}'), ("-5", '{"lost":-5}'), ("1", '{"lost":1}'), ("2", '{"lost":2}')]
    taken = replace(held, sent=5, numbers={"pt": (3, 3)}, running=[], call="again")
    assert world.ledger.sessions.restore([taken]) == [Restored(held=True, behind=False, lost=0)]
    world.open(instance="web2", socket="client-again")
    assert world.ledger.sessions.restore([taken]) == [Restored(held=False, behind=False, lost=0)]


@scenario("restore_session")
def all_lost(world: World) -> None:
    held = Held("s", "web1", "client", 1, "t", "{}", "E.7", 3, 5, (4, 0), {"pt": (4, 3)}, [])
    assert world.ledger.sessions.restore([held]) == [Restored(held=True, behind=True, lost=0)]
    resumed = world.ledger.sessions.resume("s", "web2", "client-again", "t")
    assert resumed is not None
    assert (resumed.epoch, resumed.last, resumed.first_kept, resumed.turn) == ("E.7", 3, 4, 2)
    assert (resumed.next_index, resumed.audio_from, resumed.running) == (5, (4, 0), (("pt", 3),))


@scenario("detach_session")
def detached(world: World) -> None:
    world.open()
    assert not world.ledger.sessions.detach("s", "another", 9, (9, 9))
    assert world.ledger.sessions.detach("s", "client", 3, (7, 2))


@scenario("refuse_utterance")
def refused(world: World) -> None:
    world.open()
    assert not world.ledger.sessions.refuse("s", "another", Refusal("pt", 9, (9, 9), "[]", "{}"))
    assert world.ledger.sessions.refuse("s", "client", Refusal("pt", 3, (7, 2), "[]", "{}"))
    assert world.ledger.sessions.refuse("s", "client", Refusal("pt", 9, None, "[]", "{}", "whole", "token"))
    assert [entry["order"] for entry in world.dump().entries("out:s")] == ["-3", "-9"]


@scenario("reserve")
def refused_because_it_would_wait_too_long(world: World) -> None:
    """A second run finds the mark that the first has left, under which less is let in."""
    world.store.command("HSET", world.keys.cell, "admit_wait_ms", 5000, "standing_wait_ms", 500)
    waiting(world)
    for number in range(10, 20):
        with contextlib.suppress(QueueFull):
            world.reserve(f"j{number}")
    assert any(name.startswith("refused:") for name in world.dump().hash("pace"))


@scenario("reserve")
def placed_and_waiting(world: World) -> None:
    waiting(world)


@scenario("reserve")
def on_a_node_of_another_instance(world: World) -> None:
    world.ready("n1", instance="web2")
    world.open()
    world.reserve("j1", cost=1)
    assert [entry["kind"] for entry in world.inbox("web2")] == ["dispatch"]


@scenario("reserve")
def nobody_there(world: World) -> None:
    world.open()
    with pytest.raises(NoNode):
        world.reserve("j1", version=0)
    with pytest.raises(NoNode):
        world.reserve("j2", version=7)


@scenario("reserve")
def upkeep_on_the_way(world: World) -> None:
    waiting(world)
    world.go(2000)
    world.reserve("j9")


@scenario("advance_attempt")
def all_stages(world: World) -> None:
    world.ready("n1")
    world.open(instance="web2")
    world.reserve("j1", instance="web2")
    for token, stage in enumerate(("dispatched", "accepted", "started", "progress", "progress")):
        world.go(100)
        world.ledger.jobs.advance("j1", "n1", 1, stage, str(token), "web1", "[]")  # type: ignore[arg-type]
    assert len([entry for entry in world.inbox("web2") if entry["kind"] == "event"]) == 5


@scenario("note_dispatched")
def several_sent_at_once(world: World) -> None:
    world.ready("n1", slots=2)
    world.open(instance="web2")
    for job in ("j1", "j2"):
        world.reserve(job, instance="web2")
    sent = [Dispatch(job, "n1", 1, f"{job}-sent", "[]") for job in ("j1", "j2", "gone")]
    world.ledger.jobs.submit_dispatched(sent, "web1").wait()
    assert [world.job(job)["state"] for job in ("j1", "j2")] == ["dispatched", "dispatched"]
    assert len([entry for entry in world.inbox("web2") if entry["kind"] == "event"]) == 2


@scenario("complete")
def handed_on(world: World) -> None:
    waiting(world)
    done = world.ledger.jobs.complete("j0", "n1", 1, "ok", instance="web1", result="{}")
    assert [handed.job_id for handed in done.handed] == ["j2"]


@scenario("complete")
def handed_on_elsewhere(world: World) -> None:
    waiting(world)
    assert not world.ledger.jobs.complete("j0", "n1", 1, "ok", instance="web2", result="{}").handed


@scenario("complete")
def retried_until_it_fails(world: World) -> None:
    world.ready("n1")
    world.open()
    world.reserve("j1")
    for attempt in (1, 2, 3):
        state = world.ledger.jobs.complete("j1", "n1", attempt, "retry", instance="web1", code="X").state
        world.go(1000)
        world.settle()
    assert state == "failed"


@scenario("complete")
def too_late(world: World) -> None:
    world.ready("n1")
    world.open()
    world.reserve("j1")
    world.go(2000)
    world.settle()
    with pytest.raises(StaleAttempt):
        world.ledger.jobs.complete("j1", "n1", 1, "ok", instance="web1")


@scenario("requeue")
def undeliverable(world: World) -> None:
    waiting(world)
    world.ready("n2")
    assert world.ledger.jobs.requeue("j0", "n1", 1, "NODE_UNAVAILABLE", "gone") == "retried"


@scenario("cancel")
def running_and_waiting(world: World) -> None:
    waiting(world)
    world.ledger.jobs.advance("j0", "n1", 1, "dispatched", "t", "web1")
    for job in ("j0", "j4"):
        assert world.ledger.jobs.cancel(job, "CANCELLED", "by wish") == "cancelled"


@scenario("settle_deadlines")
def everything_lapses(world: World) -> None:
    waiting(world)
    for _ in range(14):
        world.go(5000)
        world.settle()
    assert len(world.outbox()) == 5


def killed(world: World) -> None:
    """Job ``j0`` took three nodes with it."""
    for number in range(3):
        world.ready(f"n{number}")
    world.open()
    world.reserve("j0")
    for attempt in (1, 2, 3):
        node = world.job("j0")["node"]
        world.ledger.jobs.advance("j0", node, attempt, "dispatched", f"t{attempt}", "web1")
        world.ledger.nodes.offline(node, f"so-{node}", "gone", 0)
    assert set(world.dump().scores("dead")) == {"j0"}


@scenario("node_offline")
def a_job_that_kills_nodes(world: World) -> None:
    killed(world)


@scenario("settle_deadlines")
def a_job_that_hangs_nodes(world: World) -> None:
    for number in range(3):
        world.ready(f"n{number}", acks=True)
    world.open()
    world.started("j0")
    for attempt in (2, 3):
        world.go(world.settings.ack_ms)
        world.settle()
        node = world.job("j0")["node"]
        world.ledger.jobs.advance("j0", node, attempt, "dispatched", f"t{attempt}", "web1")
    world.go(world.settings.ack_ms)
    world.settle()
    assert set(world.dump().scores("dead")) == {"j0"}
    assert {world.node(f"n{number}")["strikes"] for number in range(3)} == {"0"}


@scenario("drop_dead")
def done_with(world: World) -> None:
    killed(world)
    world.ledger.dead.drop("j0")
    world.ledger.dead.drop("ghost")
    assert not [key for key in world.dump().content if key.startswith("dead")]


@scenario("note_replay")
def placed_again(world: World) -> None:
    killed(world)
    for number in range(20):
        assert world.ledger.dead.note_replay("j0", f"again-{number}")
    noted = world.dump().hash("dead:j0")["replays"].split()
    assert noted == [f"again-{number}" for number in range(4, 20)]
    assert not world.ledger.dead.note_replay("ghost", "again")


@scenario("store_result")
def out_of_order(world: World) -> None:
    world.open()
    assert world.ledger.sessions.store(result(1))
    assert world.ledger.sessions.store(result(0))


@scenario("store_result")
def released_as_their_turn_comes(world: World) -> None:
    world.open()
    assert not any(world.ledger.sessions.store_all([result(1), result(0), result(2)]))
    assert [entry["order"] for entry in world.dump().entries("out:s")] == ["0", "1", "2"]


@scenario("note_play")
def a_group_was_played(world: World) -> None:
    world.open()
    assert world.ledger.sessions.played("s", "group_s_pt_0", 5)
    assert not world.ledger.sessions.played("nobody", "group_s_pt_0", 5)


@scenario("release_results")
def contiguous_run(world: World) -> None:
    world.open()
    for order in (2, 0, 1, 4):
        world.ledger.sessions.store(result(order))
    assert world.ledger.sessions.release("s", "pt") == (3, False)
    assert not world.ledger.sessions.store(result(1))
