import pytest
import redis

from scheduling.bodies import KEPT_SHARE, Bodies
from scheduling.keys import Keys
from scheduling.ledger.codes import BodyBudgetSpent
from scheduling.settings import Settings
from scheduling.store.plain import PlainStore

MIB = 2**20


@pytest.fixture
def bodies(store: PlainStore) -> Bodies:
    return Bodies(store, Settings(redis_url="redis://unused", body_budget=MIB))


def test_a_body_is_kept_as_it_came_and_ends_by_itself(bodies: Bodies, redis_client: redis.Redis) -> None:
    bodies.put("a:1", "AAAA").wait()
    assert bodies.get("a:1") == "AAAA"
    assert redis_client.pttl(Keys("0").body("a:1")) > 0


def test_what_is_not_there_is_none(bodies: Bodies) -> None:
    assert bodies.get("a:none") is None


def test_the_budget_is_kept_and_given_back(bodies: Bodies) -> None:
    bodies.put("a:1", "A" * (MIB - 10)).wait()
    with pytest.raises(BodyBudgetSpent):
        bodies.put("a:2", "A" * 11).wait()
    assert bodies.get("a:2") is None
    bodies.drop("a:1").wait()
    bodies.put("a:2", "A" * 11).wait()


def test_what_is_forgotten_goes_with_others(bodies: Bodies, redis_client: redis.Redis) -> None:
    for number in range(40):
        bodies.put(f"a:{number}", "AAAA").wait()
        bodies.put(f"s:{number}", "AAAAAAAA").wait()
        bodies.forget(f"a:{number}")
    assert len(redis_client.keys("*body:a:*")) == 8
    bodies.forget("a:39")
    bodies.forget("a:none")
    bodies.flush()
    bodies.flush()
    assert not redis_client.keys("*body:a:*")
    assert redis_client.hmget(Keys("0").cell, "bodies", "bodies:a", "bodies:s") == [b"320", b"0", b"320"]
    assert redis_client.zcard(Keys("0").body_index) == 40


def test_a_kept_body_that_is_forgotten_leaves_both_accounts(
    bodies: Bodies, redis_client: redis.Redis
) -> None:
    for name in ("a:1", "a:2"):
        bodies.put(name, "A" * 100).wait()
    assert bodies.keep("a:1", 60_000)
    bodies.drop_all(["a:1", "a:1"])
    assert redis_client.hmget(Keys("0").cell, "bodies", "bodies:kept") == [b"100", b"0"]


def test_bodies_go_along_where_they_live_with_the_ledger(store: PlainStore) -> None:
    apart = Settings(redis_url="redis://one", payload_url="redis://other")
    assert Bodies(store, apart).along("a:1", "AAAA") is None
    along = Bodies(store, Settings(redis_url="redis://one")).along("a:1", "AAAA")
    assert along is not None
    assert along.keys[1] == Keys("0").body("a:1")


def test_lapsed_bodies_leave_the_account(bodies: Bodies, redis_client: redis.Redis) -> None:
    account = Keys("0").cell
    redis_client.hset(account, "clock", 1000)
    bodies.put("a:1", "A" * (MIB - 10)).wait()
    redis_client.hset(account, "clock", 1000 + 10**9)
    bodies.put("a:2", "A" * 100).wait()
    assert redis_client.hget(account, "bodies") == b"100"


def test_what_is_kept_leaves_room_for_what_people_say_now(bodies: Bodies, redis_client: redis.Redis) -> None:
    """Dead letters share the budget of the living: without one of their own they would have refused them."""
    part = MIB // KEPT_SHARE // 2
    for number in range(3):
        bodies.put(f"a:{number}", "A" * part).wait()
    assert [bodies.keep(f"a:{number}", 60_000) for number in range(3)] == [True, True, False]
    bodies.drop("a:0").wait()
    assert bodies.keep("a:2", 60_000)
    assert redis_client.hget(Keys("0").cell, "bodies:kept") == str(2 * part).encode()


def test_kept_bodies_that_lapsed_leave_both_accounts(bodies: Bodies, redis_client: redis.Redis) -> None:
    account = Keys("0").cell
    redis_client.hset(account, "clock", 1000)
    bodies.put("a:1", "A" * 1000).wait()
    assert bodies.keep("a:1", 60_000)
    redis_client.hset(account, "clock", 1000 + 10**9)
    bodies.put("a:2", "A" * 100).wait()
    assert redis_client.hmget(account, "bodies", "bodies:kept") == [b"100", b"0"]
    assert redis_client.zrange(Keys("0").body_index, 0, -1) == [b"a:2 100"]


def test_the_size_of_a_body_is_that_of_what_it_holds(bodies: Bodies) -> None:
    for name, text in (("a:3", "AAAA"), ("a:2", "AAA="), ("a:1", "AA==")):
        bodies.put(name, text).wait()
    assert bodies.sizes(["a:3", "a:2", "a:1", "a:none"]) == [3, 2, 1, 0]
    assert bodies.sizes([]) == []
