"""Two beats at once, and Flower that watches: the whole background, as real processes."""

import threading

from scheduling.bodies import Bodies
from scheduling.drain import drain_shards
from scheduling.ledger import Ledger
from scheduling.store.plain import PlainStore
from tasks.configuration import PERIODIC
from tasks.names import ASSIGN_POOLS, CONTROL, DRAIN, DRAIN_RESULTS, SETTLE
from tests.stack import Stack, wait_until
from tests.tasks.backlog import Backlog
from tests.tasks.flower import Flower
from tests.valkey import Valkey, free_port


def test_two_beats_do_no_harm_and_flower_shows_it_all() -> None:
    """The web process neither repeats wake-ups nor drains here: all that is done, workers do."""
    port = free_port()
    with Stack(workers=True, beat=True, wake_ms=60_000, fallback_ms=60_000) as stack:
        stack.beat().wait_log("beat: Starting")
        stack.flower(port)
        flower = Flower(port)
        wait_until(lambda: len(flower.registered()) == 2, "Flower sees both workers")
        assert all(PERIODIC.keys() <= tasks for tasks in flower.registered()), "a name nobody knows is due"
        with stack.node(("en", "pt"), slots=4) as node:
            stack.wait_dispatchable(node.node_id)
            with stack.client() as client:
                for index in range(5):
                    client.utterance(index)
                client.result(5)
                wait_until(lambda: len(flower.results(SETTLE)) >= 6, "Flower shows the tasks of both beats")
                assert [frame["utterance_index"] for frame in client.results] == list(range(5))
        results = flower.results(SETTLE)
        assert {"another" in result for result in results} == {True, False}, "of two at once, one does it"
        assert flower.results(DRAIN_RESULTS)
        assert flower.results(ASSIGN_POOLS)
        queues = flower.get("queues/length")["active_queues"]
        assert {queue["name"] for queue in queues} == {CONTROL, DRAIN}
        stack.assert_clean_logs()


def test_two_drains_of_a_shard_at_once_tell_nothing_twice(valkey: Valkey, store: PlainStore) -> None:
    backlog = Backlog(valkey.url, sessions=20)
    settings = backlog.settings

    def drain() -> None:
        with PlainStore(valkey.url) as own:
            for shard in range(settings.shards):
                drain_shards(Ledger(own, settings), Bodies(own, settings), [shard])

    threads = [threading.Thread(target=drain) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert backlog.undone == 0
    backlog.assert_told_once_and_in_order()
    backlog.close()
