"""What tenants may have open, have under way and say in a day, and what is counted of it."""

from datetime import date

import pytest

from scheduling.ledger.codes import OverQuota
from scheduling.ledger.sessions import Held, epoch_of
from scheduling.limits import Limits
from scheduling.store.plain import PlainStore
from scheduling.usage import MOST_NAMES, OTHERS, Amount, Batch, By, add_usage, read_usage
from tests.lua.world import START_MS, World

JOBS = Limits(jobs=2).quota
AUDIO = Limits(audio_ms=60_000).quota
WAITING = Limits(waiting=1).quota
HOUR_MS = 3_600_000


@pytest.fixture
def world(store: PlainStore) -> World:
    return World(store)


def refused(world: World, name: str, *, kind: str = "job", quota: str = "", audio_ms: int = 0) -> str:
    """Ask for a job or session of tenant ``t``; give the limit that refuses it, and see that it says when."""
    with pytest.raises(OverQuota) as caught:
        if kind == "session":
            world.ledger.sessions.open(name, "web1", f"so-{name}", "{}", tenant="t", most=1)
        else:
            world.reserve(name, tenant="t", quota=quota, audio_ms=audio_ms)
    assert caught.value.retry_after_ms > 0
    return caught.value.limit


def test_a_tenant_has_so_many_jobs_under_way_and_others_are_not_concerned(world: World) -> None:
    world.ready("n1", slots=8)
    world.open()
    for number in range(2):
        world.started(f"j{number}", tenant="t", quota=JOBS)
    assert refused(world, "j2", quota=JOBS) == "jobs"
    world.reserve("j3", tenant="u", quota=JOBS)
    world.ledger.jobs.complete("j0", "n1", 1, "ok", instance="web1", result="{}")
    world.reserve("j4", tenant="t", quota=JOBS)
    world.ledger.jobs.cancel("j1", "X", "x")
    world.reserve("j5", tenant="t", quota=JOBS)
    assert set(world.dump().scores("tenantjobs:t")) == {"j4", "j5"}
    assert "session:s" in world.dump().content


def test_a_refusal_takes_no_order_number(world: World) -> None:
    world.ready("n1", slots=8)
    world.open()
    for number in range(2):
        assert world.reserve(f"j{number}", tenant="t", quota=JOBS).order == number
    refused(world, "j2", quota=JOBS)
    assert world.reserve("j3", tenant="u").order == 2


def test_a_job_whose_end_was_not_noted_counts_until_its_deadline(world: World) -> None:
    """A process of an earlier version ends it, or Redis loses that write."""
    world.ready("n1", slots=8)
    world.open()
    for number in range(2):
        world.reserve(f"j{number}", tenant="t", quota=JOBS)
        world.store.command("HDEL", world.keys.job(f"j{number}"), "counted")
        world.ledger.jobs.cancel(f"j{number}", "X", "x")
    refused(world, "j2", quota=JOBS)
    world.go(world.settings.utterance_ms)
    world.beat("n1")
    world.reserve("j3", tenant="t", quota=JOBS)


def test_so_many_jobs_of_a_tenant_wait(world: World) -> None:
    world.ready("n1", slots=1)
    world.open()
    world.reserve("j0", tenant="t", quota=WAITING)
    world.reserve("j1", tenant="t", quota=WAITING)
    assert refused(world, "j2", quota=WAITING) == "waiting"
    assert world.reserve("j3", tenant="u", quota=WAITING).state == "waiting"
    assert "tenantjobs:t" not in world.dump().content


def test_audio_of_a_day_rolls_by_the_hour(world: World) -> None:
    world.ready("n1", slots=8)
    world.open()
    world.reserve("j0", tenant="t", quota=AUDIO, audio_ms=40_000)
    world.go(2 * HOUR_MS)
    world.open()
    world.ready("n1", slots=8)
    world.reserve("j1", tenant="t", quota=AUDIO, audio_ms=20_000)
    with pytest.raises(OverQuota) as caught:
        world.reserve("j2", tenant="t", quota=AUDIO, audio_ms=1)
    over_ms = (START_MS // HOUR_MS + 24) * HOUR_MS - world.now_ms
    assert (caught.value.limit, caught.value.retry_after_ms) == ("audio", over_ms)
    world.go(caught.value.retry_after_ms)
    world.open()
    world.ready("n1", slots=8)
    world.reserve("j3", tenant="t", quota=AUDIO, audio_ms=40_000)
    assert refused(world, "j4", quota=AUDIO, audio_ms=1) == "audio"


def test_a_request_said_again_counts_once(world: World) -> None:
    world.ready("n1", slots=8)
    world.open()
    for number in range(3):
        world.reserve(f"j{number}", request="same", tenant="t", quota=AUDIO, audio_ms=30_000)
    (spoken,) = world.dump().hash("tenantaudio:t").values()
    assert spoken == "30000"


def test_no_limit_leaves_nothing_behind(world: World) -> None:
    world.ready("n1", slots=8)
    world.open()
    world.started("j0", tenant="t", audio_ms=1000)
    assert not [key for key in world.dump().content if key.startswith("tenant")]


def test_a_session_that_died_with_its_process_makes_room(world: World) -> None:
    sessions = world.ledger.sessions
    sessions.open("s1", "web1", "so1", "{}", tenant="t", most=1)
    refused(world, "s2", kind="session")
    world.store.command("DEL", world.keys.session("s1"))
    sessions.open("s2", "web2", "so2", "{}", tenant="t", most=1)
    world.heard("web2")
    world.pass_swept(world.settings.instance_dead_ms + 1000)
    world.ledger.instances.end_dead()
    sessions.open("s3", "web3", "so3", "{}", tenant="t", most=1)
    assert set(world.dump().scores("tenantsessions:t")) == {"s3"}


def test_a_session_that_redis_lost_counts_when_it_is_told_anew(world: World) -> None:
    world.ledger.sessions.open("s1", "web1", "so1", "{}", tenant="t", most=1)
    world.store.command("DEL", world.keys.session("s1"), f"{world.keys.prefix}tenantsessions:t")
    held = Held(
        session_id="s1", instance="web1", socket="so1", turn=1, token="", profile="{}", sent=0, next_index=0,
        epoch=epoch_of(world.ledger.cell.epoch, START_MS), audio_from=(0, 0), numbers={}, running=[],
        tenant="t", limited=True,
    )  # fmt: skip
    assert world.ledger.sessions.restore([held])[0].held
    assert refused(world, "s2", kind="session") == "sessions"
    world.ledger.sessions.close("s1", "so1")
    world.ledger.sessions.open("s2", "web1", "so2", "{}", tenant="t", most=1)


def test_a_flood_of_names_shares_one_place(world: World) -> None:
    day = date(2026, 11, 28)
    names = [f"t{number}" for number in range(MOST_NAMES + 50)]
    for first in range(0, len(names), 100):
        counts: list[tuple[By, str, Amount]] = [
            ("tenant", name, Amount(1, 1, 0)) for name in names[first : first + 100]
        ]
        add_usage(world.ledger.cell, "web1", Batch(first + 1, day, counts))
    rows = read_usage(world.ledger.cell, "tenant", day, day)
    assert len(rows) == MOST_NAMES + 1
    assert {row.name: row.amount for row in rows}[OTHERS] == Amount(50, 50, 0)
    add_usage(world.ledger.cell, "web1", Batch(10_000, day, [("tenant", "t0", Amount(1, 1, 1))]))
    assert read_usage(world.ledger.cell, "tenant", day, day)[0].amount == Amount(2, 2, 1)
