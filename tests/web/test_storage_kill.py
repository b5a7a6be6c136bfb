"""Redis is killed again and again under people who speak; it comes back with what it had written.

``always`` promises that nothing is lost. ``everysec`` promises the same for a killed process, whose writes
the system still has; a machine that dies may take the last second: `tests/web/test_rollback.py` makes that.
"""

import threading
from collections import Counter

import pytest

from tests.peers import FakeClient
from tests.stack import Stack
from tests.valkey import Valkey

PAIR = ("en", "pt")
_EACH = 12
_KILLS = 3


@pytest.mark.parametrize("appendfsync", ["always", "everysec"])
def test_nothing_that_was_accepted_is_lost_or_doubled_by_kills(appendfsync: str) -> None:
    with (
        Valkey(appendonly="yes", appendfsync=appendfsync) as valkey,
        Stack(webs=2, valkey=valkey, store_timeout_s=8) as stack,
    ):
        with stack.node(PAIR), stack.node(PAIR, web=1):
            clients = [stack.client(*PAIR, web=number % 2) for number in range(4)]
            halfway = threading.Barrier(len(clients) + 1)
            speaking = [threading.Thread(target=_speak, args=(one, halfway)) for one in clients]
            for thread in speaking:
                thread.start()
            for _ in range(_KILLS):
                halfway.wait(60)
                valkey.restart()
            for thread in speaking:
                thread.join(60)
            for client in clients:
                ends = Counter(frame["utterance_index"] for frame in _ends(client))
                assert ends == Counter(range(_EACH))
                assert [frame["type"] for frame in _ends(client)] == ["translation_result"] * _EACH
                assert [frame["utterance_index"] for frame in _ends(client)] == list(range(_EACH))
                assert not client.all("error")
        stack.assert_clean_logs()


def _speak(client: FakeClient, halfway: threading.Barrier) -> None:
    """Say all, at each third without waiting for the answers while the server is killed."""
    for number in range(_EACH):
        if number % (_EACH // _KILLS) == 1:
            halfway.wait(60)
        client.say()
    client.texts(_EACH)


def _ends(client: FakeClient) -> list[dict[str, object]]:
    client.texts(_EACH)
    return client.results
