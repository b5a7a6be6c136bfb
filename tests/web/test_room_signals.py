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


def test_unwanted_and_foreign_signals_are_dropped_in_silence(stack: Stack) -> None:
    code, (ann, bob) = room(stack, "en", None, None)
    with ann, bob, stack.client() as stranger:
        prefer(bob, code, ann, wanted=False)
        ann.wait_for(
            lambda: ann.all("room_members")[-1]["members"][1]["raw_voice_preferences"] != {},
            "the preference",
        )
        ann.send("webrtc_offer", room_code=code, to=bob.session_id, sdp="unwanted")
        stranger.send("webrtc_offer", room_code=code, to=bob.session_id, sdp="from outside")
        ann.send("webrtc_offer", room_code=code, to=stranger.session_id, sdp="to outside")
        ann.send("webrtc_offer", room_code="100000", to=bob.session_id, sdp="another room")
        prefer(bob, code, ann, wanted=True)
        ann.wait_for(
            lambda: (
                ann.all("room_members")[-1]["members"][1]["raw_voice_preferences"] == {ann.session_id: True}
            ),
            "the preference taken back",
        )
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
