"""Recordings whose text is known find out nodes that answer with nonsense."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.peers import Answer, Frame, failure, translation
from tests.stack import Stack, wait_until
from tests.web.api.test_api import get
from tests.web.api.test_uploads import ask as upload
from tests.web.api.test_uploads import wav
from tests.web.metrics.scrape import samples, total

PAIR = ("en", "pt")
TEXT = "the quick brown fox jumps over the dog"


def says(text: str, translated: str = "bom dia") -> Answer:
    """Give an answer of a node that hears this, whatever is said."""

    def answer(job: Frame) -> Frame:
        return {**translation(job), "text_asr": text, "text_translated": translated}

    return answer


def canary(recording: Path, **more: Any) -> dict[str, Any]:
    settings = {
        "canary_s": 0.1,
        "canary_file": recording,
        "canary_text": TEXT,
        "canary_from": PAIR[0],
        "canary_to": PAIR[1],
    }
    return settings | more


def count(stack: Stack, word: str) -> float:
    """Give how many canaries came back so, to all web processes."""
    return total(samples(stack.webs[0]), "canaries_total", result=word)


def hindrance(stack: Stack, node_id: str) -> str:
    """Give what keeps work from a node, as its owner reads it."""
    return " ".join(item["says"] for item in get(stack, f"nodes/{node_id}/explain")["hindrances"])


def audited(stack: Stack, target: str) -> list[dict[str, Any]]:
    return list(get(stack, f"audit?target={target}")["audit"])


def usage(stack: Stack) -> list[Any]:
    return [get(stack, f"usage?by={by}")["rows"] for by in ("tenant", "node")]


def test_a_node_that_lies_is_taken_out_and_an_honest_one_stays(recording: Path) -> None:
    """Over two processes, of which any sends the next one; what people say goes on and is counted alone."""
    with (
        Stack(webs=2, tenant_jobs="*=1", tenant_audio_min="*=1", **canary(recording)) as stack,
        stack.node(PAIR, answer=says("The quick brown fox jumps over the dog!")) as honest,
        stack.node(PAIR, web=1, answer=says("the lazy cat sleeps")) as liar,
    ):
        wait_until(lambda: "quarantine" in hindrance(stack, liar.node_id), "the liar to be found out")
        wait_until(lambda: audited(stack, liar.node_id) != [], "it to be on record")
        (found,) = audited(stack, liar.node_id)
        assert (found["who"], found["action"], found["status"]) == ("canary", "node.quarantine", 200)
        reason = found["reason"]
        # One more may be under way in the other process when the third is judged.
        assert re.fullmatch(r"canary: recognised 1 of 8 words; [34] wrong answers in a row", reason)
        assert hindrance(stack, liar.node_id) == f"It is in quarantine: {reason}."
        assert liar.wait("node_status", status="draining")["reason"] == reason
        seen = len(honest.jobs)
        wait_until(lambda: len(honest.jobs) > seen + 2, "the honest node to be tried on")
        assert hindrance(stack, honest.node_id) == ""
        assert audited(stack, honest.node_id) == []
        assert len(liar.jobs) in (3, 4)
        wait_until(lambda: count(stack, "right") >= 3 and count(stack, "wrong") >= 3, "all to be counted")
        assert usage(stack) == [[], []], "nobody said anything"
        with stack.client(*PAIR, tenant_id="~canary") as client:
            client.say()
            assert client.result()["text_asr"] == "The quick brown fox jumps over the dog!"

        def settled() -> bool:
            return sum(row["results"] for rows in usage(stack) for row in rows) == 2

        wait_until(settled, "what a person said to be counted")
        tenants, nodes = usage(stack)
        assert [(row["name"], row["utterances"], row["results"]) for row in tenants] == [("", 1, 1)]
        assert [(row["name"], row["utterances"], row["results"]) for row in nodes] == [(honest.node_id, 1, 1)]
        wait_until(
            lambda: total(samples(stack.webs[0]), "utterances_total") == 1, "it to be counted here too"
        )
        for web in stack.webs:
            assert "quick" not in web.log
            assert "lazy" not in web.log
        stack.assert_clean_logs()


def test_a_node_cannot_tell_a_canary_from_a_recording(recording: Path) -> None:
    with Stack(**canary(recording)) as stack, stack.node(PAIR, answer=says(TEXT)) as node:
        tried = node.job()
        stack.webs[0].kill()
        stack.webs.clear()
        again = stack.web(canary_s=0)
        again.wait_ready()
        with stack.node(PAIR) as node:
            status, *_ = upload(
                stack, "POST", f"utterances?src={PAIR[0]}&tgt={PAIR[1]}", recording.read_bytes()
            )
            assert status == 200
            asked = node.job()
    differing = {name for name in {*tried, *asked} if tried.get(name) != asked.get(name)}
    assert differing == {"job_id", "session_id", "trace_id"}
    for name in differing:
        assert tried[name].partition("-")[0][:4] == asked[name].partition("-")[0][:4] or name == "trace_id"
    assert "canary" not in str({**tried, "audio": ""})


def test_a_right_answer_ends_the_row(recording: Path) -> None:
    """Two wrong ones, a right one, and so on: never three in a row."""
    with (
        Stack(**canary(recording)) as stack,
        stack.node(PAIR, answer=says(TEXT)) as honest,
        stack.node(PAIR, answer=None) as wavering,
    ):

        def waver(job: Frame) -> Frame:
            return says(TEXT if len(wavering.jobs) % 3 == 0 else "nonsense")(job)

        wavering.answer_with = waver
        nth = len(wavering.jobs)
        for job in wavering.jobs:
            wavering.answer(job, **waver(job))
        wavering.job(nth + 9)
        assert hindrance(stack, wavering.node_id) == ""
        assert honest.jobs


def test_no_answer_is_a_wrong_one(recording: Path) -> None:
    """Errors that no other node cures; of others, the node is judged that had the job at last."""
    with (
        Stack(**canary(recording, canary_failures=2)) as stack,
        stack.node(PAIR, answer=says(TEXT)),
        stack.node(PAIR, answer=failure("INVALID_AUDIO")) as broken,
    ):
        wait_until(lambda: "quarantine" in hindrance(stack, broken.node_id), "it to be found out")
        assert "canary: gave no answer: INVALID_AUDIO; 2 wrong answers" in hindrance(stack, broken.node_id)


def test_a_wrong_translation_is_found_out_where_it_is_known(recording: Path) -> None:
    settings = canary(recording, canary_translation="a raposa salta", canary_failures=1)
    with (
        Stack(**settings) as stack,
        stack.node(PAIR, answer=says(TEXT, "A raposa salta.")),
        stack.node(PAIR, answer=says(TEXT, "bom dia")) as liar,
    ):
        wait_until(lambda: "quarantine" in hindrance(stack, liar.node_id), "the liar to be found out")
        assert "canary: translated 0 of 3 words; " in hindrance(stack, liar.node_id)


def test_a_wrong_recording_takes_nobody_out(recording: Path) -> None:
    """Nobody recognises what is not said in it: it would take out the whole fleet."""
    with (
        Stack(**canary(recording, canary_failures=1)) as stack,
        stack.node(PAIR, answer=says("bananas are yellow")) as one,
        stack.node(PAIR, answer=says("bananas are yellow")) as two,
    ):
        stack.webs[0].wait_log("See that CANARY_FILE says CANARY_TEXT")
        one.job(3)
        two.job(3)
        assert hindrance(stack, one.node_id) == hindrance(stack, two.node_id) == ""
        wait_until(lambda: count(stack, "wrong") >= 4, "all to be counted")
        assert count(stack, "right") == 0


def test_a_full_fleet_is_left_alone(recording: Path) -> None:
    with (
        Stack(webs=2, **canary(recording)) as stack,
        stack.client(*PAIR) as client,
        stack.node(PAIR, slots=1, answer=None) as node,
    ):
        node.job()  # a canary that one process waits for, while the other one goes on
        refused = count(stack, "refused")
        wait_until(lambda: count(stack, "refused") > refused + 1, "canaries to find no slot")
        client.say()
        node.answer_with = says(TEXT)
        node.answer(node.job(), **says(TEXT)(node.job()))
        client.result()
        assert audited(stack, node.node_id) == []


@pytest.mark.parametrize("content", [b"no sound", wav(b"")], ids=["no wav", "no sound"])
def test_a_file_that_is_none_harms_nobody(recording: Path, content: bytes) -> None:
    recording.write_bytes(content)
    with Stack(**canary(recording)) as stack, stack.node(PAIR) as node:
        stack.webs[0].wait_log("CANARY_FILE cannot be used")
        assert node.jobs == []
        recording.write_bytes(wav())
        node.job()


def test_nobody_is_tried_unless_it_is_asked_for() -> None:
    with Stack() as stack, stack.node(PAIR) as node, stack.client(*PAIR) as client:
        client.say()
        client.result()
        assert len(node.jobs) == 1
        with stack.redis as ledger:
            assert not [key for key in ledger.scan_iter() if "canary" in key]
