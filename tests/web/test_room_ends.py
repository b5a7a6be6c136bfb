"""How rooms end: nobody speaks, an instance dies, the ledger loses them."""

from tests.stack import Stack
from tests.web.room_peers import create, join, room, wait_members


def test_idle_room_expires_and_its_members_are_free_again(stack: Stack) -> None:
    code, (ann, bob) = room(stack, "en", None, None)
    with ann, bob, stack.redis as ledger:
        ledger.zadd("sd:{0}:rooms", {code: 1})  # the last speech was long ago
        for client in (ann, bob):
            expired = client.wait("room_expired")
            assert expired["room_code"] == code
            assert code in expired["message"]
        bob.send("room_join", room_code=code)
        assert bob.wait("room_error")["code"] == "ROOM_NOT_FOUND"
        create(bob)
        assert ledger.exists(f"sd:{{0}}:room:{code}", f"sd:{{0}}:roommembers:{code}") == 0


def test_speech_keeps_a_room_alive(stack: Stack, pair: tuple[str, str]) -> None:
    code, (speaker, listener) = room(stack, pair[0], None, pair[1])
    with speaker, listener, stack.node(pair), stack.redis as ledger:
        joined = ledger.zscore("sd:{0}:rooms", code)
        speaker.say()
        listener.result()
        assert float(ledger.zscore("sd:{0}:rooms", code) or 0) > float(joined or 0)


def test_members_of_an_instance_that_died_are_taken_out() -> None:
    with Stack(webs=2, presence_ms=1000) as stack:
        _, clients = room(stack, "en", None, None)
        with clients[0] as ann, clients[1]:
            stack.webs[1].kill()
            wait_members(ann, ann)


def test_members_are_told_when_their_room_was_lost() -> None:
    """A flushed ledger knows no room; who was in one learns it from the next thing it asks for."""
    with Stack() as stack, stack.client() as ann:
        code = create(ann)
        with stack.redis as ledger:
            ledger.flushall()
        ann.send("room_raw_voice_preference", room_code=code, target_session_id="s", receive_raw_voice=True)
        assert ann.wait("room_error")["code"] in {"ROOM_NOT_FOUND", "INTERNAL_ERROR"}
        again = create(ann)
        with stack.client() as bob:
            join(bob, again)
            wait_members(ann, ann, bob)
