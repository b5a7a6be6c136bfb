"""Members of a room whose socket was lost: they stay in it while they may come back, and miss nothing."""

from scheduling.keys import Keys
from tests.peers import FakeClient
from tests.stack import Stack, wait_until
from tests.web.room_peers import create, join, wait_members

Pair = tuple[str, str]


def lose(stack: Stack, client: FakeClient) -> None:
    """Lose the socket, and wait until the session is known to have none."""
    client.cut()
    with stack.redis as ledger:
        name = Keys("0").session(client.session_id)
        wait_until(lambda: ledger.hget(name, "owner") == "", "the session to be detached")


def back(stack: Stack, client: FakeClient, offset: int, web: int) -> FakeClient:
    """Resume a client's session from an offset on."""
    ack = client.wait("session_init_ack")
    place = {"session_id": client.session_id, "token": ack["resume_token"], "epoch": ack["epoch"]}
    return stack.client(*client.languages, web=web, resumable=True, resume={**place, "offset": offset})


def test_a_listener_comes_back_to_another_instance_and_misses_nothing(stack: Stack, pair: Pair) -> None:
    src, tgt = pair
    with stack.node(pair, slots=4) as node, stack.client(src, "none") as speaker:
        listener = stack.client(src, tgt, web=1, resumable=True)
        code = create(speaker)
        join(listener, code, preferred_lang=tgt)
        speaker.say()
        first = listener.result()
        assert (first["offset"], first["text_translated"]) == (1, f"{tgt} 0")
        lose(stack, listener)
        speaker.say()
        speaker.say()
        speaker.wait("ui_event", nth=3, event="NMT_DONE")
        assert len(node.jobs) == 3, "it is still listened for"
        with back(stack, listener, 1, web=0) as again:
            assert [again.result(nth)["offset"] for nth in (1, 2)] == [2, 3]
            assert [frame["text_translated"] for frame in again.results] == [f"{tgt} 1", f"{tgt} 2"]
            assert all(frame["tts_audio"] for frame in again.results)
            wait_members(again, speaker, listener)
            speaker.say()
            assert again.result(3)["text_translated"] == f"{tgt} 3"
            again.send("room_leave", room_code=code)
            wait_members(speaker, speaker)


def test_a_speaker_comes_back_and_goes_on_in_its_room(stack: Stack, pair: Pair) -> None:
    src, tgt = pair
    with stack.node(pair, slots=4), stack.client(src, "none", web=1) as listener:
        speaker = stack.client(src, "none", resumable=True)
        join(listener, create(speaker), preferred_lang=tgt)
        speaker.say()
        listener.result()
        lose(stack, speaker)
        with back(stack, speaker, 0, web=1) as again:
            wait_members(again, speaker, listener)
            again.chunk(bytes(3200), final=True, seq=1)
            assert listener.result(2)["text_translated"] == f"{tgt} 1"
            again.send("webrtc_offer", room_code=room_code(again), to=listener.session_id, sdp="x")
            assert listener.wait("webrtc_offer")["to"] == speaker.session_id


def test_who_enters_a_room_after_the_ledger_was_lost_may_still_come_back() -> None:
    """Its record was made anew for the room, but without the token: once its socket was lost, so was it."""
    with Stack(webs=2) as stack:
        client = stack.client(resumable=True)
        with stack.redis as ledger:
            ledger.flushall()
            wait_until(lambda: ledger.exists(Keys("0").cell) == 1, "the cell to be opened again")
        code = create(client)
        lose(stack, client)
        with back(stack, client, 0, web=1) as again:
            assert again.wait("session_init_ack")["resumed"]
            wait_members(again, client)
            assert room_code(again) == code


def room_code(client: FakeClient) -> str:
    code: str = client.all("room_members")[-1]["room_code"]
    return code
