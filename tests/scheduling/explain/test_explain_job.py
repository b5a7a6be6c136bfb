"""Where a job stands: waiting with its position, running, retried, ended."""

import pytest

from scheduling.explain import explain_job, job_page
from scheduling.explain.views import JobExplanation
from scheduling.ledger.codes import UnknownJob
from scheduling.store.plain import PlainStore
from tests.lua.world import World


@pytest.fixture
def world(store: PlainStore) -> World:
    world = World(store, wait_ms=5000)
    world.ready("n1")
    world.open()
    return world


def look(world: World, job: str) -> JobExplanation:
    return explain_job(world.ledger.cell, job)


def test_an_unknown_job_is_said_to_be_unknown(world: World) -> None:
    with pytest.raises(UnknownJob, match="no job ghost"):
        look(world, "ghost")


def test_a_waiting_job_tells_its_position_and_what_the_nodes_lack(world: World) -> None:
    for job in ("j1", "j2", "j3"):
        world.reserve(job)
    world.go(700)
    world.store.command("HSET", world.keys.cell, "gap_ms", 250)
    found = look(world, "j3")
    assert found.waiting is not None
    assert (found.waiting.position, found.waiting.ahead) == (2, 1)
    assert found.waiting.estimate_ms == 500
    assert found.now_ms - found.waiting.since_ms == 700
    assert found.waiting.until_ms == found.waiting.since_ms + 5000
    assert found.pair is not None
    assert found.pair.outcome == "waits"


def test_a_large_job_that_waits_beside_a_free_slot_says_why(world: World) -> None:
    world.ready("n2", slots=2)
    world.reserve("j1")
    world.reserve("j2")
    world.reserve("large", cost=2)
    found = look(world, "large")
    assert found.sentence.startswith("It waits for 2 free slots of one node: number 1 of 1")
    assert found.pair is not None
    assert found.pair.outcome == "waits"
    assert "none has 2 slots free" in found.pair.sentence


def test_a_running_job_tells_its_stages(world: World) -> None:
    world.reserve("j1")
    world.go(30)
    world.ledger.jobs.advance("j1", "n1", 1, "accepted", "t", "web1")
    found = look(world, "j1")
    assert found.waiting is None
    assert [(stage.stage, stage.after_ms) for stage in found.stages] == [
        ("created", 0), ("assigned", 0), ("dispatched", 0), ("accepted", 30),
    ]  # fmt: skip
    assert [(item.node, item.outcome) for item in found.attempts] == [("n1", "accepted")]


def test_a_retried_job_tells_each_attempt_and_whom_it_avoids(world: World) -> None:
    world.started("j1")
    world.ledger.jobs.complete("j1", "n1", 1, "retry", instance="web1", code="X", message="it broke")
    found = look(world, "j1")
    assert [(item.node, item.outcome) for item in found.attempts] == [("n1", "retried")]
    assert found.waiting is not None
    assert found.waiting.avoids == ["n1"]


def test_an_ended_job_tells_how(world: World) -> None:
    world.started("j1")
    world.go(900)
    world.ledger.jobs.complete("j1", "n1", 1, "ok", instance="web1", result="{}")
    found = look(world, "j1")
    assert found.sentence == "It was translated on node n1."
    assert found.attempts[0].outcome == "done"
    assert found.stages[-1].after_ms == 900


def test_a_cancelled_job_tells_why(world: World) -> None:
    world.started("j1")
    world.ledger.jobs.cancel("j1", "JOB_CANCELLED", "An operator cancelled this utterance.")
    found = look(world, "j1")
    assert found.sentence.endswith("An operator cancelled this utterance.")
    assert found.attempts[0].outcome == "cancelled"


def test_living_jobs_are_listed_by_pages_and_states(world: World) -> None:
    for number in range(5):
        world.reserve(f"j{number}")
    met: list[str] = []
    cursor = ""
    while True:
        page = job_page(world.ledger.cell, 2, cursor, "waiting")
        met += [job.job_id for job in page.jobs]
        if page.next_cursor is None:
            break
        cursor = page.next_cursor
    assert sorted(met) == ["j1", "j2", "j3", "j4"]
    assert page.waiting == 4
    assert {job.state for job in job_page(world.ledger.cell, 10, "", "dispatched").jobs} == {"dispatched"}


def test_what_was_said_is_never_shown(world: World) -> None:
    world.started("j1")
    world.ledger.jobs.complete("j1", "n1", 1, "ok", instance="web1", result='{"text_asr": "secret words"}')
    assert "secret" not in look(world, "j1").model_dump_json()


def test_a_job_that_took_its_nodes_with_it_says_where_to_read_on(world: World) -> None:
    for name in ("n2", "n3"):
        world.ready(name)
    world.reserve("j1")
    for attempt in (1, 2, 3):
        node = world.job("j1")["node"]
        world.ledger.jobs.advance("j1", node, attempt, "dispatched", f"t{attempt}", "web1")
        world.ledger.nodes.offline(node, f"so-{node}", "gone", 0)
    assert look(world, "j1").sentence.endswith(
        "was lost. It took its nodes with it: speech-dispatch dead show j1"
    )
