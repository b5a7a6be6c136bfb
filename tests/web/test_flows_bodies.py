"""Audio and speech are stored once, under a budget, on a server that may be another one."""

from scheduling.keys import Keys
from tests.stack import Stack, wait_until
from tests.valkey import Valkey

SEVEN_SECONDS = bytes(224_000)


def test_utterance_beyond_the_byte_budget_is_refused_clearly() -> None:
    """Three of them fill the megabyte; the fourth is refused at once, and room is made by results."""
    with Stack(body_budget=2**20) as stack, stack.node(("en", "pt"), answer=None) as node:
        with stack.client() as client:
            for _ in range(3):
                client.say(SEVEN_SECONDS)
            for nth in (1, 2, 3):
                node.job(nth)
            client.say(SEVEN_SECONDS)
            assert client.wait("error")["code"] == "NODE_OVERLOADED"
            for nth in (1, 2, 3):
                node.answer(node.job(nth), tts_audio="")
            assert client.texts(3) == ["en 0", "en 1", "en 2"]
            account = Keys("0").cell
            wait_until(lambda: stack.redis.hget(account, "bodies") == "0", "the bodies are given back")
            client.say(SEVEN_SECONDS)
            node.answer(node.job(4))
            assert client.texts(4)[3] == "en 4"
            assert len(client.all("error")) == 1
        stack.assert_clean_logs()


def test_a_server_of_bodies_that_is_full_ends_what_was_accepted() -> None:
    """It is asked while the job is placed already: the fourth is taken back from its node."""
    with Valkey() as bodies, Stack(payload_url=bodies.url, body_budget=2**20) as stack:
        with stack.node(("en", "pt"), answer=None) as node, stack.client() as client:
            for _ in range(4):
                client.say(SEVEN_SECONDS)
            assert node.wait("job_cancel")["job_id"] == node.job(4)["job_id"]
            for nth in (1, 2, 3):
                node.answer(node.job(nth), tts_audio="")
            assert client.texts(4) == ["en 0", "en 1", "en 2", "-"]
            assert client.wait("error")["code"] == "NODE_OVERLOADED"
        stack.assert_clean_logs()


def test_server_of_the_bodies_is_lost() -> None:
    """Without audio in store no other node could take a job over, so nothing is promised; then it goes on."""
    with Valkey() as bodies, Stack(payload_url=bodies.url) as stack, stack.node(("en", "pt")):
        with stack.client() as client:
            client.say()
            assert client.result()["tts_audio"]
            bodies.kill()
            client.say()
            assert client.wait("error", within_s=30)["code"] == "SCHEDULER_DEPENDENCY_DOWN"
            bodies.start()
            client.say()
            client.wait("translation_result", text_asr="en 2", within_s=30)
        stack.assert_clean_logs()
