"""Alerts of jobs and nodes: what each is for is broken for real, and its rule fires on what is scraped."""

from pathlib import Path

from tests.deploy.replay import assert_fires, scrape
from tests.peers import failure, translation
from tests.programs import needs
from tests.stack import Stack, wait_until
from tests.web.api.test_uploads import wav
from tests.web.metrics.scrape import samples, total

PAIR = ("en", "pt")
#: In base64 over 90 % of the smallest BODY_BUDGET.
_LARGE = bytes(720_000)

pytestmark = needs("promtool", "prometheus")


def test_a_node_that_hangs_is_too_little(tmp_path: Path) -> None:
    """JobsWait, TooFewSlots, Refusing and BodyBudget; SlowFirstAudio when it answers after all."""
    with (
        Stack(body_budget=2**20) as stack,
        stack.node(PAIR, slots=1, answer=None) as node,
        stack.client(*PAIR) as client,
    ):
        web = stack.webs[0]
        well = scrape(web)
        client.utterance(0, _LARGE)
        for index in range(1, 6):
            client.utterance(index)
        client.wait("error", code="NODE_OVERLOADED")
        wait_until(lambda: total(samples(web), "oldest_waiting_seconds") > 5.2, "a job to wait for long")
        ill = scrape(web)
        assert_fires(tmp_path, "JobsWait", well, ill)
        assert_fires(tmp_path, "TooFewSlots", well, ill)
        assert_fires(tmp_path, "Refusing", well, ill)
        assert_fires(tmp_path, "BodyBudget", well, ill)
        node.answer(node.job())
        wait_until(lambda: total(samples(web), "first_audio_seconds_count") == 1, "its speech to be sent")
        assert_fires(tmp_path, "SlowFirstAudio", well, scrape(web))


def test_a_node_that_fails_its_jobs(tmp_path: Path) -> None:
    """JobsFail."""
    with (
        Stack() as stack,
        stack.node(PAIR, answer=failure("INVALID_AUDIO")),
        stack.client(*PAIR) as client,
    ):
        well = scrape(stack.webs[0])
        for nth in range(1, 4):
            client.say()
            client.result(nth)
        assert_fires(tmp_path, "JobsFail", well, scrape(stack.webs[0]))


def test_a_node_that_is_slower_than_it_may_be(tmp_path: Path) -> None:
    """StaleAttempts: every second answer comes when its attempt has ended."""
    with (
        Stack(attempt_ms=300, max_attempts=1) as stack,
        stack.node(PAIR, answer=None) as node,
        stack.client(*PAIR) as client,
    ):
        web = stack.webs[0]
        well = scrape(web)
        client.say()
        node.answer(node.job())
        client.result()
        client.say()
        client.result(2)
        node.answer(node.job(2))
        wait_until(lambda: total(samples(web), "stale_messages_total") == 1, "the late answer to come")
        assert_fires(tmp_path, "StaleAttempts", well, scrape(web))


def test_a_node_that_lies(tmp_path: Path) -> None:
    """NodeAnswersNonsense: it does not recognise what is known to be said."""
    (tmp_path / "canary.wav").write_bytes(wav())
    settings = {"canary_s": 0.1, "canary_file": tmp_path / "canary.wav", "canary_text": "good morning"}
    with Stack(canary_from="en", canary_to="pt", **settings) as stack:
        web = stack.webs[0]
        well = scrape(web)
        with (
            stack.node(PAIR, answer=lambda job: {**translation(job), "text_asr": "good morning"}),
            stack.node(PAIR, answer=lambda job: {**translation(job), "text_asr": "bananas"}),
        ):
            wait_until(
                lambda: total(samples(web), "canary_findings_total", action="quarantined") == 1,
                "the liar to be found out",
            )
            assert_fires(tmp_path, "NodeAnswersNonsense", well, scrape(web))


def test_nodes_that_die_of_a_job_and_those_that_are_left(tmp_path: Path) -> None:
    """DeadLetter and NodesLost when two of three die; NodesDegraded by the third, NoReadyNode without it."""
    with (
        Stack(max_attempts=2, grace_ms=0, unhealthy_beats=1) as stack,
        stack.client(*PAIR) as client,
        stack.node(PAIR, answer=None) as one,
        stack.node(PAIR, answer=None) as two,
        stack.node(("de", "pt"), answer=None) as third,
    ):
        web = stack.webs[0]
        well = scrape(web)
        client.say()
        wait_until(lambda: bool(one.jobs or two.jobs), "a node to have the job")
        first, second = (one, two) if one.jobs else (two, one)
        first.cut()
        second.job()
        second.cut()
        client.result()
        wait_until(lambda: total(samples(web), "nodes") == 1, "both to be missed")
        lost = scrape(web)
        assert_fires(tmp_path, "DeadLetter", well, lost)
        assert_fires(tmp_path, "NodesLost", well, lost)
        third.heartbeat(**third.capabilities(without=("asr", "nmt", "tts", "semantic")))
        third.wait("node_status", status="degraded")
        degraded = scrape(web)
        assert_fires(tmp_path, "NodesDegraded", well, degraded)
        third.cut()
        wait_until(lambda: total(samples(web), "nodes") == 0, "the last one to be missed")
        assert_fires(tmp_path, "NoReadyNode", well, scrape(web))
