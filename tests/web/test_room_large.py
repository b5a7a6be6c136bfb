"""Rooms of many on real sockets: lists of members come together, results are read once for all."""

from contextlib import ExitStack

from tests.stack import Stack
from tests.web.room_peers import create, listed, room, wait_members

MANY = 24


def test_many_changes_come_as_few_lists(stack: Stack) -> None:
    """500 who join at once must not make 250,000 lists."""
    _, clients = room(stack, "en", None, None, None)
    with ExitStack() as leaving, stack.redis as ledger:
        for client in clients:
            leaving.enter_context(client)
        code = clients[0].all("room_create_ack")[0]["room_code"]
        before = [len(client.all("room_members")) for client in clients]
        with ledger.pipeline(transaction=False) as changes:
            for _ in range(1000):
                changes.hincrby(f"sd:{{0}}:room:{code}", "version", 1)
                for inbox in ledger.scan_iter("sd:{0}:inbox:*", _type="stream"):
                    changes.xadd(inbox, {"kind": "room", "room": code})
            changes.execute()
        last = stack.client()
        leaving.enter_context(last)
        last.send("room_join", room_code=code)
        for client in clients:
            wait_members(client, *clients, last)
        for client, lists in zip(clients, before, strict=True):
            assert len(client.all("room_members")) - lists < 100


def test_all_who_join_at_once_see_each_other(stack: Stack) -> None:
    with ExitStack() as leaving:
        clients = [leaving.enter_context(stack.client(web=number % 2)) for number in range(MANY)]
        code = create(clients[0])
        for client in clients[1:]:
            client.send("room_join", room_code=code)
        for client in clients:
            wait_members(client, *clients)
        for client in clients[1:]:
            client.cut()
        clients[0].wait_for(lambda: listed(clients[0]) == {clients[0].session_id}, "all others to have left")


def test_one_result_for_all_who_listen(stack: Stack, pair: tuple[str, str]) -> None:
    _, clients = room(stack, pair[0], None, *[pair[1]] * MANY)
    speaker, *listeners = clients
    with ExitStack() as leaving, stack.node(pair) as node, stack.redis as ledger:
        for client in clients:
            leaving.enter_context(client)
        speaker.say()
        frames = [listener.result() for listener in listeners]
        made_ms = {frame["scheduler_sent_at_ms"] for frame in frames}
        assert len(made_ms) <= len(stack.webs), "one frame for all listeners of an instance"
        assert frames[0]["tts_audio"]
        assert len(node.jobs) == 1
        kept = list(ledger.scan_iter(f"*roommsg:{speaker.session_id}:*"))
        assert kept == [f"sd:{{0}}:roommsg:{speaker.session_id}:{pair[1]}:0"]
