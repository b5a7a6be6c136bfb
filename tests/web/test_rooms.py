"""Rooms over real sockets, their members spread over two web processes."""

import time

from scheduling.rooms import is_code
from tests.peers import failure
from tests.stack import Stack
from tests.web.room_peers import create, join, room, wait_members

Pair = tuple[str, str]


def test_create_and_join_and_leave(stack: Stack) -> None:
    with stack.client() as ann, stack.client(web=1) as bob:
        code = create(ann, display_name="Ann", preferred_lang="pt-BR")
        assert is_code(code)
        join(bob, code, display_name="Bob")
        for client in (ann, bob):
            first, second = wait_members(client, ann, bob)["members"]
            assert first["joined_at"].startswith(time.strftime("%Y", time.gmtime()))
            del first["joined_at"], second["joined_at"]
            assert first == {
                "participant_id": ann.session_id,
                "session_id": ann.session_id,
                "display_name": "Ann",
                "preferred_lang": "pt",
                "raw_voice_preferences": {},
            }
            assert (second["display_name"], "preferred_lang" in second) == ("Bob", False)
        told = len(bob.all("room_members"))
        bob.send("room_leave", room_code=code)
        wait_members(ann, ann)
        bob.send("room_leave", room_code=code)
        assert bob.wait("room_error")["code"] == "ROOM_NOT_FOUND"
        assert len(bob.all("room_members")) == told, "who leaves is told nothing"


def test_errors_say_what_to_do(stack: Stack) -> None:
    with stack.client() as ann, stack.client() as bob:
        code = create(ann)
        for wrong, expected in (("12345x", "INVALID_ROOM_CODE"), ("100000", "ROOM_NOT_FOUND")):
            bob.send("room_join", room_code=wrong)
            assert bob.wait("room_error", code=expected)["message"]
        ann.send("room_join", room_code=code)
        assert code in ann.wait("room_error", code="ALREADY_IN_ROOM")["message"]
        ann.send("room_create", client_ts=1)
        ann.wait("room_error", nth=2, code="ALREADY_IN_ROOM")


def test_members_leave_by_closing_politely_or_abruptly(stack: Stack) -> None:
    _, (ann, bob, cid) = room(stack, "en", None, None, None)
    with ann, bob, cid:
        bob.send("session_close", session_id=bob.session_id, reason="done")
        wait_members(ann, ann, cid)
        cid.cut()
        wait_members(ann, ann)


def test_17_listeners_get_their_language_each(stack: Stack, pair: Pair) -> None:
    """One job a language; those who share one share it; no language, no result; the speaker gets events."""
    src, tgt = pair
    other = f"{tgt}-2"
    _, clients = room(stack, src, tgt, other, tgt, None, other)
    with stack.node(pair, (src, other), slots=4) as node:
        speaker, *listeners = clients
        speaker.say()
        speaker.say()
        wanted = dict(zip(listeners, (other, tgt, None, other), strict=True))
        for listener, lang in wanted.items():
            if lang:
                listener.result(2)
                frames = [(frame["session_id"], frame["text_translated"]) for frame in listener.results]
                assert frames == [(speaker.session_id, f"{lang} 0"), (speaker.session_id, f"{lang} 1")]
                assert listener.results[0]["tts_audio"]
        assert sorted(job["tgt_lang"] for job in node.jobs) == sorted([tgt, other] * 2)
        speaker.wait("ui_event", nth=4, event="NMT_DONE")
        assert not speaker.results, "who speaks hears nothing back"
        assert not listeners[2].results, "no language, no result"
    for client in clients:
        client.close()


def test_17_two_languages_of_one_utterance_do_not_share_a_place(stack: Stack, pair: Pair) -> None:
    """The slower language is neither lost nor sent to the others, whichever result comes first."""
    src, tgt = pair
    other = f"{tgt}-2"
    _, (speaker, first, second) = room(stack, src, None, tgt, other)
    with speaker, first, second, stack.node(pair, (src, other), slots=4, answer=None) as node:
        speaker.say()
        jobs = {job["tgt_lang"]: job for job in (node.job(1), node.job(2))}
        node.answer(jobs[other])
        assert second.result()["text_translated"] == f"{other} 0"
        assert not first.results
        node.answer(jobs[tgt])
        assert first.result()["text_translated"] == f"{tgt} 0"
        assert len(second.results) == 1


def test_alone_or_without_listeners_it_is_the_speakers_own(stack: Stack, pair: Pair) -> None:
    src, tgt = pair
    with stack.client(src, tgt) as alone, stack.client(web=1) as deaf, stack.node(pair):
        code = create(alone, preferred_lang=tgt)
        alone.say()
        assert alone.texts(1) == [f"{src} 0"]
        join(deaf, code)
        alone.say()
        assert alone.texts(2) == [f"{src} 0", f"{src} 1"]
        assert not deaf.results


def test_listener_of_the_speakers_own_language_reads_the_words(stack: Stack, pair: Pair) -> None:
    heard = {"success": True, "text_asr": "hello"}
    _, (speaker, listener) = room(stack, pair[0], None, pair[0])
    with speaker, listener, stack.node(pair, answer=lambda _job: heard) as node:
        speaker.say()
        assert listener.result()["text_translated"] == "hello"
        services = ("use_asr", "use_nmt", "use_tts")
        assert [node.job()["pipeline"][name] for name in services] == [True, False, False]


def test_a_language_nobody_speaks_harms_no_other(stack: Stack, pair: Pair) -> None:
    src, tgt = pair
    _, (speaker, lost, listener) = room(stack, src, None, "xx-none", tgt)
    with speaker, lost, listener, stack.node(pair):
        speaker.say()
        assert listener.texts(1) == [f"{src} 0"]
        error = speaker.wait("error", code="UNSUPPORTED_FEATURE")
        assert error["details"] == {"utterance_index": 0, "tgt_lang": "xx-none"}


def test_failure_goes_to_the_speaker_and_a_gap_to_the_listeners(stack: Stack, pair: Pair) -> None:
    _, (speaker, listener) = room(stack, pair[0], None, pair[1])
    with speaker, listener, stack.node(pair, answer=failure("INVALID_AUDIO", "hiss")):
        speaker.say()
        assert listener.result()["type"] == "missing_result"
        assert speaker.wait("error")["code"] == "INVALID_AUDIO"
        assert not listener.all("error")
        assert not speaker.results


def test_who_left_gets_no_more_and_who_comes_gets_what_follows(stack: Stack, pair: Pair) -> None:
    src, tgt = pair
    code, (speaker, leaver, stayer) = room(stack, src, None, tgt, tgt)
    with speaker, leaver, stayer, stack.client(web=1) as comer, stack.node(pair, answer=None) as node:
        speaker.say()
        speaker.say()
        first, second = node.job(1), node.job(2)
        node.answer(first)
        leaver.result()
        leaver.send("room_leave", room_code=code)
        wait_members(stayer, speaker, stayer)
        join(comer, code, preferred_lang=tgt)
        node.answer(second)
        assert stayer.texts(2) == [f"{src} 0", f"{src} 1"]
        assert comer.texts(1) == [f"{src} 1"]
        assert len(leaver.results) == 1


def test_buffered_speech_is_heard_though_its_speaker_closes(stack: Stack, pair: Pair) -> None:
    _, (speaker, listener) = room(stack, pair[0], None, pair[1])
    with speaker, listener, stack.node(pair):
        speaker.chunk(bytes(3200))
        speaker.send("session_close", session_id=speaker.session_id, reason="done")
        assert listener.texts(1) == [f"{pair[0]} 0"]
        assert speaker.wait_closed()[0] == 1000


def test_cancelled_speech_ends_for_the_speaker_and_its_listeners(stack: Stack, pair: Pair) -> None:
    _, (speaker, listener) = room(stack, pair[0], None, pair[1])
    with speaker, listener, stack.node(pair, answer=None) as node:
        speaker.say()
        node.job()
        speaker.send("utterance_cancel", session_id=speaker.session_id, utterance_index=0)
        for client in (speaker, listener):
            missing = client.wait("missing_result", reason="cancelled")
            assert (missing["session_id"], missing["utterance_index"]) == (speaker.session_id, 0)
