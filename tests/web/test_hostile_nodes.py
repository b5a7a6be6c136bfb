"""What a broken or hostile node may say, and what nobody else must ever notice of it."""

import pytest

from tests.stack import Stack, wait_until

Pair = tuple[str, str]


@pytest.mark.parametrize(
    "speech",
    ['","text_asr":"forged', "\\", "日本語", "AAA", "AA AA", "\n"],
    ids=["JSON", "escape", "not ASCII", "no padding", "white space", "line break"],
)
def test_speech_that_is_no_base64_is_left_out(stack: Stack, pair: Pair, speech: str) -> None:
    """It passes through as text: what is not base64 would break the client's frame, or forge it."""
    with stack.node(pair, answer=None) as node, stack.client(*pair) as client:
        for nth, tts_audio in enumerate((speech, "AAAA"), 1):
            client.say()
            node.answer(node.job(nth), tts_audio=tts_audio)
        assert client.texts(2) == [f"{pair[0]} 0", f"{pair[0]} 1"]
        assert [result["tts_audio"] for result in client.results] == ["", "AAAA"]


def test_details_that_are_no_json(stack: Stack, pair: Pair) -> None:
    with stack.node(pair, answer=None) as node, stack.client(*pair) as client:
        client.say()
        node.answer(
            node.job(),
            success=False,
            error={"code": "INVALID_AUDIO", "message": "\u202e\x00'\"", "details": [float("nan")]},
        )
        wait_until(lambda: bool(node.all("error") or client.results), "a refusal or a result")
        if node.all("error"):
            node.answer(node.job())
        client.result()


def test_speech_of_another_attempt_cannot_be_forged(stack: Stack, pair: Pair) -> None:
    """A node that lost a job knows its id and can guess the next attempt."""
    with stack.node(pair, answer=None) as bad, stack.client(*pair) as client:
        client.say()
        job = bad.job()
        with stack.node(pair, answer=None) as good:
            bad.answer(job, success=False, error={"code": "PROCESSING_ERROR", "message": "oops"})
            second = good.job()
            before = stack.webs[0].stats()["stale_messages"]
            bad.answer(second, tts_audio="BBBB")
            wait_until(lambda: stack.webs[0].stats()["stale_messages"] == before + 1, "it to be counted")
            good.answer(second, tts_audio="AAAA")
            bad.answer(second, tts_audio="BBBB")
            assert client.result()["tts_audio"] == "AAAA"


def test_partial_text_goes_to_the_session_of_the_job_only(stack: Stack, pair: Pair) -> None:
    with stack.node(pair, answer=None) as node, stack.client(*pair) as client, stack.client(*pair) as other:
        client.say()
        job = node.job()
        node.partial(job | {"session_id": other.session_id, "utterance_index": 99, "trace_id": "x"}, "lie")
        partial = client.wait("asr_partial")
        assert (partial["session_id"], partial["utterance_index"]) == (client.session_id, 0)
        assert partial["trace_id"] == job["trace_id"]
        node.answer(job | {"session_id": other.session_id, "utterance_index": 99, "trace_id": "x"})
        result = client.result()
        assert (result["session_id"], result["utterance_index"]) == (client.session_id, 0)
        assert other.frames == other.all("session_init_ack")


def test_jobs_nobody_gave_it_change_nothing(stack: Stack, pair: Pair) -> None:
    with stack.node(pair) as node, stack.client(*pair) as client:
        before = stack.webs[0].stats()["stale_messages"]
        stranger = {"session_id": client.session_id, "utterance_index": 0, "trace_id": "t", "attempt_id": 1}
        stranger |= {"src_lang": "a", "tgt_lang": "b", "job_id": "job-unknown~2"}
        node.answer(stranger)
        node.accept(stranger)
        node.partial(stranger, "boo")
        wait_until(lambda: stack.webs[0].stats()["stale_messages"] == before + 4, "all to be counted")
        client.say()
        assert client.texts(1) == [f"{pair[0]} 0"]
        assert not client.all("asr_partial")


@pytest.mark.parametrize("interval_s", [1e-9, 1e300])
def test_absurd_heartbeat_interval_is_bounded(stack: Stack, pair: Pair, interval_s: float) -> None:
    with stack.node(pair, heartbeat_interval_s=interval_s) as node, stack.client(*pair) as client:
        client.say()
        assert client.texts(1) == [f"{pair[0]} 0"]
        beat_ms = int(stack.record_of(node.node_id)["beat_ms"])
        assert 100 <= beat_ms <= 30_000


def test_slots_are_capped(stack: Stack, pair: Pair) -> None:
    with stack.node(pair, slots=2**32 - 1) as node:
        assert stack.record_of(node.node_id)["max"] == "64"


def test_15_what_it_says_cannot_break_the_log(stack: Stack, pair: Pair) -> None:
    """A log line once cut text inside a character and crashed; neither may it hold lines of its own."""
    with stack.node(pair) as node:
        node.send(
            "node_error", node_id=node.node_id, code="X\nERROR forged", message="字" * 400 + "\nERROR forged"
        )
        node.send_raw("字" * 400)
        node.wait("error")
        node.heartbeat()
        assert "\nERROR forged" not in stack.webs[0].log


def test_large_results_pass(stack: Stack, pair: Pair) -> None:
    """A minute of speech as pcm16 is 2 MB, and the client may be a slow reader."""
    speech = "AAAA" * 640_000
    answer = {"success": True, "text_asr": "long", "tts_audio": speech}
    with stack.node(pair, answer=lambda _: answer), stack.client(*pair) as client:
        client.say()
        client.say()
        client.result(2)
        assert [result["tts_audio"] == speech for result in client.results] == [True, True]
