import pytest
import redis

from scheduling.bodies import Bodies
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


def test_lapsed_bodies_leave_the_account(bodies: Bodies, redis_client: redis.Redis) -> None:
    account = Keys("0").bodies
    redis_client.hset(account, "clock", 1000)
    bodies.put("a:1", "A" * (MIB - 10)).wait()
    redis_client.hset(account, "clock", 1000 + 10**9)
    bodies.put("a:2", "A" * 100).wait()
    assert redis_client.hget(account, "total") == b"100"
