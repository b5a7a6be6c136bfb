"""What is recognised so far may be left out for who cannot keep up; results never are."""

import threading

import pytest

from tests.peers import FakeClient, Frame
from tests.stack import Stack, wait_until
from tests.web.api.test_api import get

#: Of 4 KB each: together more than the kernel's buffers and the client's queue take.
PARTIALS = 5000


class StandingClient(FakeClient):
    """Reads nothing after the first partial until it is told to go on."""

    go_on: threading.Event

    def _take(self, frame: Frame) -> None:
        if frame["type"] == "asr_partial":
            self.go_on.wait(60)
        super()._take(frame)


@pytest.mark.parametrize("node_web", [0, 1], ids=["the same instance", "another instance"])
def test_a_slow_reader_loses_partials_and_neither_results_nor_its_session(node_web: int) -> None:
    """Partials filled the queue of a client whose network stood still, and it was closed for it."""
    with Stack(webs=2, outbound_bytes=2**17, write_timeout_s=60) as stack:
        node = stack.node(("en", "pt"), web=node_web, answer=None)
        StandingClient.go_on = threading.Event()
        with StandingClient(stack.webs[0].url("/ws/session")) as client:
            client.say()
            job = node.job()
            for number in range(PARTIALS):
                node.partial(job, f"{number} " + "x" * 4000)
            node.answer(job)
            wait_until(lambda: _done(stack) == 1, "the result to be stored")
            client.go_on.set()
            assert client.texts(1) == ["en 0"]
            assert 1 <= len(client.all("asr_partial")) < PARTIALS
            client.say()
            node.answer(node.job(2))
            assert client.texts(2) == ["en 0", "en 1"]
        stack.assert_clean_logs()


def _done(stack: Stack) -> int:
    return int(get(stack, "stats")["jobs"]["done"])
