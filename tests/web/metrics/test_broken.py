"""What breaks is seen in the metrics. That each alert fires of it: `tests/deploy/test_breaks_*.py`."""

import os
import signal

from tests.stack import Stack, wait_until
from tests.web.metrics.scrape import samples, total

_SPEECH = {"success": True, "text_asr": "x", "text_translated": "y", "tts_audio": "AAAA"}


def test_a_lost_node_and_what_goes_elsewhere_are_seen() -> None:
    """The job it had is told as retried."""
    with Stack() as own, own.node(("en", "pt"), answer=None) as first, own.client("en", "pt") as client:
        web = own.webs[0]
        with own.node(("en", "pt")) as second:
            assert total(samples(web), "nodes", status="ready") == 2
            client.say()
            wait_until(lambda: bool(first.jobs or second.jobs), "a node to have it")
            if not first.jobs:
                client.result(1)
                client.say()
            first.job()
            first.close()
            wait_until(lambda: total(samples(web), "nodes", status="ready") == 1, "it to be missed")
            wait_until(lambda: total(samples(web), "jobs_total", event="retried") == 1, "its job to move")
        wait_until(lambda: total(samples(web), "nodes") == 0, "the other one to be missed")


def test_a_wedged_process_is_seen_by_the_others() -> None:
    """Its own series stand still, so the others tell for how long they have not heard it."""
    with Stack(webs=2, presence_ms=1000, instance_dead_ms=60_000) as own:
        kept, wedged = own.webs
        pid = int(wedged.stats()["instance"].rsplit("-", 2)[1])
        name = wedged.stats()["instance"]
        os.kill(pid, signal.SIGSTOP)
        try:
            wait_until(lambda: total(samples(kept), "instances", state="silent") == 1, "its silence")
            assert total(samples(kept), "instance_silent_seconds", instance=name) >= 1
        finally:
            os.kill(pid, signal.SIGCONT)


def test_the_pause_that_ended_an_utterance_counts_as_waiting() -> None:
    """A speaker waits from the last word on, not from when the server noticed that it was the last."""
    with Stack(pause_ms=400) as own, own.node(("en", "pt")) as node, own.client("en", "pt") as client:
        node.answer_with = lambda job: _SPEECH
        client.chunk(bytes(3200))
        client.result(1)
        found = samples(own.webs[0])
        assert total(found, "first_audio_seconds_count") == 1
        assert total(found, "first_audio_seconds_sum") > 0.35
