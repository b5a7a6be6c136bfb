"""`tts_started` and `tts_play_ended` on real sockets, and the group and context that go with jobs."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.peers import FakeClient
from tests.scheduling.sound import noise
from tests.stack import Stack

ABOUT: dict[str, Any] = {"trace_id": "t", "group_id": "g"}


@pytest.fixture(scope="module")
def brief() -> Iterator[Stack]:
    """Give a process with a pause of 0.4 s, and groups that wait for their next part for a minute."""
    with Stack(pause_ms=400, group_ms=60_000, context_chars=12) as stack:
        yield stack
        stack.assert_clean_logs()


def _started(client: FakeClient) -> None:
    client.send("tts_started", session_id=client.session_id, ts_start_ms=1, **ABOUT)


def _ended(client: FakeClient) -> None:
    client.send("tts_play_ended", session_id=client.session_id, ts_end_ms=2, **ABOUT)


def test_no_pause_cuts_while_speech_is_played(brief: Stack, pair: tuple[str, str]) -> None:
    """Another speaker, silent for as long, shows that the pause has passed."""
    with (
        brief.node(pair) as node,
        brief.client(*pair) as player,
        brief.client(*pair) as other,
    ):
        player.chunk(noise(3200, 1))
        _started(player)
        player.send("client_heartbeat", session_id=player.session_id, timestamp=1)
        player.wait("server_heartbeat")
        other.chunk(noise(3200, 2))
        assert node.job()["session_id"] == other.session_id
        _ended(player)
        job = node.job(2)
        assert (job["session_id"], job["is_pause_triggered"]) == (player.session_id, True)


def test_the_next_part_of_a_group_brings_its_context(brief: Stack, pair: tuple[str, str]) -> None:
    with brief.node(pair) as node, brief.client(*pair) as client:
        client.say()
        first = client.result()
        client.say()
        client.result(2)
        client.utterance(9)
        client.result(3)
        jobs = [node.job(nth) for nth in (1, 2, 3)]
        assert not {"group_id", "part_index", "context_text"} & jobs[0].keys()
        assert [job.get("group_id") for job in jobs[1:]] == [first["group_id"]] * 2
        assert [job.get("part_index") for job in jobs[1:]] == [1, 2]
        assert [result["part_index"] for result in client.results] == [0, 1, 2]
        heard = f"{pair[0]} 0"
        assert jobs[1]["context_text"] == heard
        assert jobs[2]["context_text"] == f"{heard} {pair[0]} 1"[-12:]


def test_another_speaker_has_another_context(brief: Stack, pair: tuple[str, str]) -> None:
    with brief.node(pair) as node, brief.client(*pair) as one, brief.client(*pair) as two:
        one.say()
        one.result()
        two.say()
        two.result()
        assert "context_text" not in node.job(2)
