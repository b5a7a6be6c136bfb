"""WebRTC signalling between members of a room on two web processes."""

import pytest

from tests.peers import FakeClient
from tests.stack import Stack
from tests.web.room_peers import create, room, wait_members


def prefer(client: FakeClient, code: str, target: FakeClient, *, wanted: bool) -> None:
    client.send(
        "room_raw_voice_preference",
        room_code=code,
        target_session_id=target.session_id,
        receive_raw_voice=wanted,
    )


def reached(sender: FakeClient, code: str, target: FakeClient) -> None:
    """Wait until a candidate sent after everything else has come, so that nothing else is on its way."""
    sender.send("webrtc_ice", room_code=code, to=target.session_id, candidate="last")
    target.wait("webrtc_ice", candidate="last")


@pytest.mark.parametrize("web", [0, 1], ids=["same instance", "another instance"])
def test_17_signals_cross_instances_and_name_their_sender(stack: Stack, web: int) -> None:
    with stack.client() as ann, stack.client(web=web) as bob:
        code = create(ann)
        bob.send("room_join", room_code=code)
        wait_members(ann, ann, bob)
        ann.send("webrtc_offer", room_code=code, to=bob.session_id, sdp={"type": "offer", "sdp": "v=0"})
        offer = bob.wait("webrtc_offer")
        assert offer["sdp"] == {"type": "offer", "sdp": "v=0"}
        assert (offer["room_code"], offer["to"]) == (code, ann.session_id)
        bob.send("webrtc_answer", room_code=code, to=offer["to"], sdp="v=0")
        assert ann.wait("webrtc_answer")["to"] == bob.session_id
        for candidate in ("1", "2", None):
            ann.send("webrtc_ice", room_code=code, to=bob.session_id, candidate=candidate)
        bob.wait("webrtc_ice", nth=3)
        assert [frame["candidate"] for frame in bob.all("webrtc_ice")] == ["1", "2", None]


def wait_done(client: FakeClient) -> None:
    """Wait until all that a client has sent so far was dealt with."""
    client.send("client_heartbeat", session_id=client.session_id, timestamp=1)
    client.wait("server_heartbeat")


def wait_wish(client: FakeClient, of: FakeClient, wish: dict[str, bool]) -> None:
    """Wait until a client is told of this wish of another."""

    def is_told() -> bool:
        members = client.all("room_members")[-1]["members"]
        wishes = {member["session_id"]: member["raw_voice_preferences"] for member in members}
        return bool(wishes[of.session_id] == wish)

    client.wait_for(is_told, f"the wish {wish}")


def test_unwanted_and_foreign_signals_are_dropped_in_silence(stack: Stack) -> None:
    code, (ann, bob) = room(stack, "en", None, None)
    with ann, bob, stack.client() as stranger:
        prefer(bob, code, ann, wanted=False)
        wait_wish(ann, bob, {ann.session_id: False})
        ann.send("webrtc_offer", room_code=code, to=bob.session_id, sdp="unwanted")
        stranger.send("webrtc_offer", room_code=code, to=bob.session_id, sdp="from outside")
        ann.send("webrtc_offer", room_code=code, to=stranger.session_id, sdp="to outside")
        ann.send("webrtc_offer", room_code="100000", to=bob.session_id, sdp="another room")
        wait_done(ann)
        wait_done(stranger)
        prefer(bob, code, ann, wanted=True)
        wait_wish(ann, bob, {ann.session_id: True})
        reached(ann, code, bob)
        assert not bob.all("webrtc_offer")
        assert not stranger.all("webrtc_offer")
        assert not ann.all("error") + stranger.all("error")


def test_oversized_signal_is_refused_and_the_next_goes_through(stack: Stack) -> None:
    code, (ann, bob) = room(stack, "en", None, None)
    with ann, bob:
        ann.send("webrtc_offer", room_code=code, to=bob.session_id, sdp="x" * 70_000)
        assert ann.wait("error")["code"] == "INVALID_MESSAGE"
        reached(ann, code, bob)
        assert not bob.all("webrtc_offer")


def test_wishes_are_told_to_everybody(stack: Stack) -> None:
    code, (ann, bob) = room(stack, "en", None, None)
    with ann, bob:
        for wanted in (False, True):
            prefer(ann, code, bob, wanted=wanted)
            for client in (ann, bob):
                wait_wish(client, ann, {bob.session_id: wanted})
