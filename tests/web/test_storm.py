"""Many clients that connect in the same moment, on real sockets: all come in, others do not notice."""

import asyncio
import resource
from collections.abc import Iterator

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import InvalidStatus

from agent.backoff import Backoff, refusal_reason
from agent.client import Languages, begin, dial
from agent.reconnecting import ReconnectingClient
from scheduling.messages import SessionInit, SessionInitAck, TranslationResult
from tests.agent.running import in_loop
from tests.peers import translation
from tests.stack import Stack

PAIR = ("en", "pt")
CROWD = 300


@pytest.fixture
def files() -> Iterator[None]:
    """Let this process have a file for each client, and more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def come(url: str) -> tuple[ClientConnection, int]:
    """Open a session as often as it takes; give its socket, and how often it was turned away."""
    backoff, refusals = Backoff(), 0
    while True:
        try:
            socket = await dial(url)
        except InvalidStatus as refused:
            assert refused.response.status_code == 503
            refusals += 1
            await asyncio.sleep(backoff.delay_s(refusal_reason(refused)))
        else:
            await begin(socket, SessionInit(client_version="1", platform="web", src_lang="en", tgt_lang="pt"))
            return socket, refusals


@pytest.mark.usefixtures("files")
def test_a_crowd_comes_in_at_the_rate_and_who_was_there_is_heard() -> None:
    """All were let in at once: nobody inside was heard until the last one's session was open."""
    with (
        Stack(handshakes_per_s=100, handshake_burst=40) as stack,
        stack.node(PAIR, answer=translation),
        stack.client(*PAIR) as speaker,
    ):

        async def crowd() -> list[int]:
            coming = [asyncio.create_task(come(stack.webs[0].url("/ws/session"))) for _ in range(CROWD)]
            await asyncio.wait(coming, return_when=asyncio.FIRST_COMPLETED)
            for number in range(5):
                speaker.say()
                await asyncio.to_thread(speaker.result, number + 1)
            inside = await asyncio.gather(*coming)
            assert stack.webs[0].stats()["sockets"] == CROWD + 2
            await asyncio.gather(*(socket.close() for socket, _ in inside))
            return [refusals for _, refusals in inside]

        refusals = asyncio.run(crowd())
        assert stack.webs[0].stats()["refused_handshakes"] == sum(refusals)
        assert sum(refusals) > CROWD / 2
        stack.assert_clean_logs()


@in_loop
async def test_clients_come_back_to_their_sessions_through_a_narrow_gate() -> None:
    """A refused handshake was only a failure to them: they tried again in steps of their own, all alike."""
    with Stack(handshakes_per_s=20, handshake_burst=4) as stack, stack.node(PAIR, answer=translation):
        url = stack.webs[0].url("/ws/session")

        async def one() -> int:
            backoff = Backoff()
            while True:
                try:
                    async with ReconnectingClient.connect(url) as client:
                        return await lose_and_return(client)
                except InvalidStatus as refused:
                    await asyncio.sleep(backoff.delay_s(refusal_reason(refused)))

        async def lose_and_return(client: ReconnectingClient) -> int:
            await client.open(Languages(*PAIR), sample_rate=16_000)
            inside.append(client)
            if len(inside) == 8:
                everybody.set()
            await everybody.wait()
            client._socket.transport.abort()
            async for message in client.messages():
                if isinstance(message, SessionInitAck):
                    assert message.resumed
                    await client.send_chunk(b"abcd" * 400, is_final=True)
                elif isinstance(message, TranslationResult):
                    return client.resumed
            raise AssertionError("the session ended")

        inside: list[ReconnectingClient] = []
        everybody = asyncio.Event()
        assert await asyncio.gather(*(one() for _ in range(8))) == [1] * 8
        stack.assert_clean_logs()
