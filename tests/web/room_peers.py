"""Clients in rooms, for tests."""

from typing import Any

from tests.peers import FakeClient, Frame
from tests.stack import Stack


def create(client: FakeClient, **members: Any) -> str:
    """Open a room; gives its code."""
    before = len(client.all("room_create_ack"))
    client.send("room_create", client_ts=1, **members)
    code: str = client.wait("room_create_ack", nth=before + 1)["room_code"]
    wait_members(client, client)
    return code


def join(client: FakeClient, code: str, **members: Any) -> None:
    """Enter a room and wait until that is confirmed."""
    client.send("room_join", room_code=code, **members)
    client.wait_for(lambda: client.session_id in listed(client, code), "room_members with the one who joins")


def listed(client: FakeClient, code: str = "") -> set[str]:
    """Session ids in the list of members that a client got last, of one room where its code is given."""
    lists = client.all("room_members", **({"room_code": code} if code else {}))
    return {member["session_id"] for member in lists[-1]["members"]} if lists else set()


def wait_members(client: FakeClient, *members: FakeClient) -> Frame:
    """Wait until a client is told of exactly these members; gives the list."""
    wanted = {member.session_id for member in members}
    client.wait_for(lambda: listed(client) == wanted, f"room_members {wanted}")
    return client.all("room_members")[-1]


def room(stack: Stack, src: str, *langs: str | None, tgt: str = "none") -> tuple[str, list[FakeClient]]:
    """Give a room and its members, on the web processes in turn; ``langs`` are what they want to hear."""
    clients = [stack.client(src, tgt, web=number % len(stack.webs)) for number in range(len(langs))]
    code = create(clients[0], preferred_lang=langs[0])
    for client, lang in zip(clients[1:], langs[1:], strict=True):
        join(client, code, preferred_lang=lang)
    for client in clients:
        wait_members(client, *clients)
    return code, clients
