"""Dead letters: which jobs become one, what is kept of them, and that their nodes are not blamed."""

import json

import pytest

from scheduling.store.plain import PlainStore
from tests.lua.world import World

DAY_MS = 86_400_000


def nodes(world: World, number: int = 3) -> None:
    """Bring up ``n1`` to ``nN``, of one slot each, and open the session."""
    for at in range(number):
        world.ready(f"n{at + 1}")
    world.open()


def send(world: World, job: str) -> str:
    """Note the running attempt as sent; give its node."""
    record = world.job(job)
    token = f"{job}-{record['attempt']}-sent"
    world.ledger.jobs.advance(job, record["node"], int(record["attempt"]), "dispatched", token, "web1")
    return record["node"]


def lose(world: World, job: str) -> None:
    """The node dies with the attempt it was sent."""
    node = send(world, job)
    world.ledger.nodes.offline(node, f"so-{node}", "gone", 0)


def hang(world: World, job: str) -> None:
    """The node, which lives, shows no more sign of the attempt."""
    send(world, job)
    world.go(world.settings.attempt_ms)
    all_beat(world)
    world.settle()


def all_beat(world: World) -> None:
    for name in world.dump().named("node"):
        if world.node(name)["status"] != "offline":
            world.beat(name)


def answer(world: World, job: str, code: str) -> None:
    """The node says itself that it failed."""
    node = send(world, job)
    attempt = int(world.job(job)["attempt"])
    world.ledger.jobs.complete(job, node, attempt, "retry", instance="web1", code=code, message="it says")


def lapse(world: World) -> None:
    """Let the wait for a node go by."""
    world.go(world.settings.wait_ms)
    world.settle()


def hows(world: World, job: str) -> list[str]:
    """Give how each attempt of a dead letter ended; none when there is no letter."""
    lines = world.dump().hash(f"dead:{job}").get("attempts", "").splitlines()
    return [line.split()[1] for line in lines]


def test_a_job_that_takes_three_nodes_with_it_is_kept(world: World) -> None:
    nodes(world)
    world.reserve("j1")
    for _ in range(3):
        lose(world, "j1")
    record, letter = world.job("j1"), world.dump().hash("dead:j1")
    assert (record["state"], record["code"], record["dead"]) == ("failed", "NODE_UNAVAILABLE", "1")
    assert world.outbox() == ["j1"], "its client is told once"
    assert hows(world, "j1") == ["lost"] * 3
    assert [line.split()[0] for line in letter["attempts"].splitlines()] == record["tried"].split()
    assert (letter["session"], letter["pair"], letter["audio"]) == ("s", "en pt", "audio-j1")
    assert world.dump().scores("dead") == {"j1": world.now_ms}
    assert {"dead", "dead:j1"} <= world.dump().mortal


def test_hanging_is_as_bad_as_dying(world: World) -> None:
    """The second attempt ends with the utterance's time, after as much silence as the first."""
    nodes(world)
    world.reserve("j1")
    hang(world, "j1")
    hang(world, "j1")
    assert world.job("j1")["code"] == "JOB_TIMEOUT"
    assert hows(world, "j1") == ["unanswered"] * 2


def test_a_node_that_comes_back_without_the_job_did_not_survive_it(world: World) -> None:
    nodes(world, 1)
    world.reserve("j1")
    for number in range(3):
        send(world, "j1")
        world.register("n1", socket=f"so-{number}", running=[])
        world.beat("n1", socket=f"so-{number}")
        world.go(world.settings.relax_ms)
        world.settle()
    assert hows(world, "j1") == ["forgotten"] * 3


@pytest.mark.parametrize("code", ["NODE_OVERLOADED", "NODE_UNAVAILABLE", "MODEL_NOT_AVAILABLE"])
def test_a_node_that_could_not_take_it_says_nothing_about_it(world: World, code: str) -> None:
    nodes(world, 4)
    for job in ("worse", "better"):
        world.reserve(job)
        answer(world, job, code)
        if job == "worse":
            lose(world, job)
            lose(world, job)
        else:
            answer(world, job, code)
            answer(world, job, code)
        assert world.job(job)["state"] == "failed"
        world.ready("n1")
        world.ready("n2")
    assert hows(world, "worse") == ["declined", "lost", "lost"]
    assert not hows(world, "better"), "a full fleet kills nobody"


def test_a_node_that_lives_to_say_what_is_wrong_speaks_for_the_job(world: World) -> None:
    nodes(world)
    world.reserve("j1")
    lose(world, "j1")
    answer(world, "j1", "PROCESSING_ERROR")
    lose(world, "j1")
    assert world.job("j1")["state"] == "failed"
    assert not hows(world, "j1")


def test_one_node_may_always_die_by_itself(world: World) -> None:
    nodes(world, 1)
    world.reserve("j1")
    lose(world, "j1")
    lapse(world)
    assert world.job("j1")["code"] == "NO_AVAILABLE_NODE"
    assert not hows(world, "j1")


def test_unless_there_is_only_one_attempt(store: PlainStore) -> None:
    world = World(store, max_attempts=1)
    nodes(world)
    world.reserve("j1")
    lose(world, "j1")
    assert hows(world, "j1") == ["lost"]


def test_what_its_asker_could_not_send_is_not_its_killer(world: World) -> None:
    """The node's socket closes between placing and sending; the asker, who was to send it, says so."""
    nodes(world)
    world.reserve("j1")
    for _ in range(3):
        record = world.job("j1")
        world.ledger.jobs.requeue("j1", record["node"], int(record["attempt"]), "NODE_UNAVAILABLE", "x")
    assert world.job("j1")["state"] == "failed"
    assert not hows(world, "j1")
    assert not [entry for entry in world.inbox() if entry["kind"] == "cancel"], "nobody was sent anything"


def test_waiting_in_vain_after_two_nodes_is_an_end_as_well(world: World) -> None:
    nodes(world, 2)
    world.reserve("j1")
    lose(world, "j1")
    lose(world, "j1")
    lapse(world)
    assert world.job("j1")["code"] == "NO_AVAILABLE_NODE"
    assert hows(world, "j1") == ["lost"] * 2


def test_what_never_reached_a_node_is_not_its_killer(world: World) -> None:
    """Who holds the sockets of the nodes dies between placing and sending, three times."""
    for at in range(3):
        world.ready(f"n{at + 1}", instance="web2")
    world.open()
    world.reserve("j1")
    for _ in range(3):
        world.go(world.settings.dispatch_ms)
        world.settle()
    assert world.job("j1")["state"] == "failed"
    assert not hows(world, "j1")


def test_a_lost_node_that_was_not_sent_it_is_not_its_victim(world: World) -> None:
    nodes(world)
    for _ in range(3):
        node = world.reserve("j1").node_id
        world.ledger.nodes.offline(node, f"so-{node}", "gone", 0)
    assert world.job("j1")["state"] == "failed"
    assert not hows(world, "j1")


def test_an_operators_wish_makes_no_dead_letter(world: World) -> None:
    nodes(world)
    world.reserve("cancelled")
    lose(world, "cancelled")
    lose(world, "cancelled")
    world.ledger.jobs.cancel("cancelled", "X", "x")
    assert not hows(world, "cancelled")
    nodes(world)
    world.reserve("moved")
    for _ in range(3):
        world.ledger.nodes.drain(send(world, "moved"), "quarantine", "bad")
    assert world.job("moved")["state"] == "failed"
    assert not hows(world, "moved")


def test_an_attempt_that_lived_when_the_time_was_over_kills_nobody(world: World) -> None:
    nodes(world)
    world.reserve("j1")
    hang(world, "j1")
    node = send(world, "j1")
    world.go(world.settings.attempt_ms // 2)
    world.ledger.jobs.advance("j1", node, 2, "progress", "partial", "web1")
    all_beat(world)
    world.go(world.settings.attempt_ms // 2 - 1)
    world.ledger.jobs.advance("j1", node, 2, "progress", "another", "web1")
    world.go(1)
    world.settle()
    record = world.job("j1")
    assert (record["state"], record["end2"].split()[0]) == ("failed", "out_of_time")
    assert not hows(world, "j1")


def test_the_newest_are_kept_and_the_audio_of_the_others_is_let_go(store: PlainStore) -> None:
    world = World(store, dead_letters=2)
    for number in range(4):
        nodes(world)
        world.reserve(f"j{number}")
        for _ in range(3):
            lose(world, f"j{number}")
        world.go(1)
    found = world.dump()
    assert set(found.scores("dead")) == {"j2", "j3"}
    assert set(found.named("dead")) == {"j2", "j3"}
    assert found.members("deadaudio") == {"audio-j0", "audio-j1"}
    assert found.hash("cell")["n_dead"] == "4"


def test_old_ones_leave_the_index(world: World) -> None:
    for job in ("old", "new"):
        nodes(world)
        world.reserve(job)
        for _ in range(3):
            lose(world, job)
        world.go(DAY_MS)
    assert set(world.dump().scores("dead")) == {"new"}


@pytest.mark.parametrize("off", ["dead_letters", "dead_ms"])
def test_nothing_is_kept_when_it_is_turned_off(store: PlainStore, off: str) -> None:
    world = World(store, **{off: 0})
    nodes(world)
    world.reserve("j1")
    for _ in range(3):
        lose(world, "j1")
    assert world.job("j1")["state"] == "failed"
    assert not [key for key in world.dump().content if key.startswith("dead")]


def test_a_breaker_is_not_opened_by_what_a_job_did(store: PlainStore) -> None:
    """A job that hung node after node left each with a failure: a few such jobs put a fleet to rest."""
    world = World(store, breaker_failures=1, utterance_ms=600_000)
    nodes(world)
    world.reserve("bad")
    for _ in range(2):
        hang(world, "bad")
    assert [world.node(name)["strikes"] for name in world.job("bad")["tried"].split()] == ["1", "1", "0"]
    hang(world, "bad")
    assert hows(world, "bad") == ["unanswered"] * 3
    for name in ("n1", "n2", "n3"):
        record = world.node(name)
        assert (record["strikes"], record["breaker_ms"], record["why"]) == ("0", "", "")


def test_a_forgiven_node_serves_who_waits(store: PlainStore) -> None:
    """No job may wait beside a free slot: what closes a breaker hands the slot out."""
    world = World(store, breaker_failures=1, max_attempts=2, wait_ms=600_000, utterance_ms=600_000)
    nodes(world, 2)
    world.reserve("bad")
    hang(world, "bad")
    world.reserve("good")
    assert world.job("good")["state"] == "waiting"
    hang(world, "bad")
    assert world.job("good")["state"] == "assigned"


@pytest.mark.parametrize(
    "said", ["before", 'he said "no"', "back\\slash", '\\"', "", 'x","padding_ms":1,"y":"']
)
def test_what_was_said_before_is_not_kept(world: World, said: str) -> None:
    """The context of an utterance is what others said: it is no part of what a replay needs."""
    asked = {"session_id": "s", "trace_id": "t", "context_text": said, "padding_ms": 5}
    spec = json.dumps(asked, separators=(",", ":")) + "\n{}\n{}"
    nodes(world)
    world.reserve("j1")
    world.store.command("HSET", world.keys.job("j1"), "spec", spec)
    for _ in range(3):
        lose(world, "j1")
    kept = world.dump().hash("dead:j1")["spec"].split("\n")
    assert json.loads(kept[0]) == {"session_id": "s", "trace_id": "t", "padding_ms": 5}
    assert kept[1:] == ["{}", "{}"]
