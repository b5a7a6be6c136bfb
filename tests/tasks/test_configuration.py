"""What Celery makes of our configuration."""

from fnmatch import fnmatch

import pytest
import redis
from celery import Celery

from tasks import names
from tasks.configuration import PERIODIC, SOFT_TIMEOUT_S, TASK_TIMEOUT_S
from tasks.names import ASSIGN_POOLS, CONTROL, DRAIN, DRAIN_ALL, DRAIN_RESULTS, EXPIRES_S
from tasks.wakeups import Wakeups
from tests.tasks.broker import PREFIX, app_on, newest_message
from tests.valkey import Valkey


@pytest.fixture
def app(valkey: Valkey) -> Celery:
    return app_on(valkey.url)


def test_result_drains_never_stand_before_control_work(app: Celery) -> None:
    queues = {name: app.amqp.queues[name] for name in (CONTROL, DRAIN)}
    assert queues.keys() == app.amqp.queues.keys()
    assert len({queue.exchange.name for queue in queues.values()}) == 2
    for task, queue in ((ASSIGN_POOLS, CONTROL), (DRAIN_RESULTS, DRAIN), (DRAIN_ALL, DRAIN)):
        assert app.amqp.router.route({}, task)["queue"].name == queue


def test_every_periodic_task_states_the_queue_it_would_be_routed_to(app: Celery) -> None:
    for task, (_, queue) in PERIODIC.items():
        assert app.amqp.router.route({}, task)["queue"].name == queue
        assert fnmatch(task, f"tasks.{queue}.*")
        assert task in vars(names).values()


def test_a_hanging_task_is_told_to_stop_before_it_is_killed() -> None:
    assert SOFT_TIMEOUT_S < TASK_TIMEOUT_S


def test_messages_are_json_and_void_after_a_while(app: Celery, valkey: Valkey) -> None:
    wakeups = Wakeups(app)
    wakeups.send(DRAIN_RESULTS, DRAIN, (3,))
    wakeups.close()
    message = newest_message(valkey.url, DRAIN)
    assert message["content-type"] == "application/json"
    assert message["headers"]["task"] == DRAIN_RESULTS
    assert message["headers"]["ignore_result"] is True
    assert message["properties"]["expiration"] == str(EXPIRES_S * 1000)


def test_nothing_connects_to_a_backend_of_results(app: Celery, redis_client: redis.Redis) -> None:
    """A producer with a backend subscribes once a task and never lets go (celery #3808)."""
    wakeups = Wakeups(app)
    for shard in range(5):
        wakeups.send(DRAIN_RESULTS, DRAIN, (shard,))
    kinds = [(each["name"], each["sub"]) for each in redis_client.client_list()]
    wakeups.close()
    assert kinds.count(("speech-dispatch-celery", "0")) <= 2
    assert not [name for name, subscriptions in kinds if subscriptions != "0"]
    assert app.backend.as_uri() == "disabled://"
    assert redis_client.keys("*") == redis_client.keys(f"{PREFIX}*") != []
