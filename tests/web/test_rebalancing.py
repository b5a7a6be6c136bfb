"""Who holds more than its share of the sockets gives some up, and only those that lose nothing by it."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack

import pytest

from agent.client import Languages
from agent.reconnecting import ReconnectingClient
from scheduling.messages import MissingResult, SessionCloseAck, TranslationResult
from tests.agent.running import in_loop
from tests.peers import FakeNode
from tests.stack import Stack, wait_until
from tests.web.api.test_api import get
from web.rebalancing import PATIENCE, Share

PAIR = ("en", "pt")
CLIENTS, NODES = 8, 4
PIECE = bytes(1600)


def seen(share: Share, own: int, others: list[int]) -> int:
    """Look as often as it takes to believe it."""
    found = [share.excess(own, others, 0.0) for _ in range(PATIENCE)]
    assert not any(found[:-1]), "a single look may meet a restart"
    return found[-1]


@pytest.mark.parametrize(
    ("own", "others", "excess"),
    [
        (8, [0], 4),
        (100, [], 0),
        (5, [4], 0),
        (12, [10, 8], 0),
        (14, [10, 6], 4),
        (4, [8], 0),
        (2, [0], 1),
        (1, [0], 0),
        (0, [0], 0),
    ],
)
def test_the_excess_is_what_is_clearly_above_the_share(own: int, others: list[int], excess: int) -> None:
    assert seen(Share(), own, others) == excess


def test_once_begun_it_goes_on_to_the_share_and_then_rests() -> None:
    """With one threshold it would stop at once, and begin again with the next socket."""
    share = Share()
    assert seen(share, 14, [6]) == 4
    assert share.excess(12, [8], 1.0) == 2
    assert share.excess(11, [9], 2.0) == 1
    assert share.excess(10, [10], 3.0) == 0
    assert share.excess(11, [9], 4.0) == 0


def test_those_that_are_on_their_way_are_counted() -> None:
    """Nobody held them for a moment, so the shares looked smaller, and the process went on below its own."""
    share = Share()
    assert seen(share, 8, [0]) == 4
    share.note(4, 0.0)
    assert share.excess(4, [0], 1.0) == 0
    assert share.excess(4, [4], 2.0) == 0
    assert share.excess(4, [4], 60.0) == 0


def test_those_that_have_arrived_are_counted_once() -> None:
    """Counted as on their way as well, they made the share look larger, and it stopped at 5 of 8."""
    share = Share()
    assert seen(share, 8, [0]) == 4
    share.note(2, 0.0)
    assert share.excess(6, [1], 1.0) == 2
    assert share.excess(6, [2], 2.0) == 2
    share.note(1, 2.0)
    assert share.excess(5, [3], 3.0) == 1


class Wandering:
    """A node of ours that goes to the other server when it is sent away; it works in a thread of its own."""

    def __init__(self, stack: Stack, number: int) -> None:
        self._stack = stack
        self._web = number % 2
        self.name = f"n{number}"
        self.closed_with: list[int] = []
        self.node = self._connect()

    def follow(self) -> None:
        """Go wherever it is sent until `end`."""
        while not self.closed_with or self.closed_with[-1] != 1000:
            self.closed_with.append(self.node.wait_closed(60)[0])
            if self.closed_with[-1] == 1012:
                self._web = 1 - self._web
                self.node = self._connect()

    def _connect(self) -> FakeNode:
        return FakeNode(self._stack.webs[self._web].url("/ws/node"), PAIR, node_id=self.name, ours=True)


async def _speak(client: ReconnectingClient, stop: asyncio.Event) -> tuple[int, list[int]]:
    """Speak until told to end; give how much was said and what came of it."""
    await client.open(Languages(*PAIR), sample_rate=16_000)
    answered: list[int] = []
    heard = asyncio.Event()

    async def listen() -> None:
        async for message in client.messages():
            assert not isinstance(message, MissingResult), message
            if isinstance(message, TranslationResult):
                answered.append(message.utterance_index)
                heard.set()
            if isinstance(message, SessionCloseAck):
                return

    listening, said = asyncio.create_task(listen()), 0
    while not stop.is_set():
        heard.clear()
        await client.send_chunk(PIECE, is_final=True)
        said += 1
        await heard.wait()
        await asyncio.sleep(0.05)
    await client.end()
    await listening
    return said, answered


def _held(stack: Stack, kind: str) -> list[int]:
    return [stack.webs[number].stats()[kind] for number in range(2)]


@in_loop
async def test_sockets_spread_again_after_a_restart_and_nothing_is_lost() -> None:
    """All had gone to the process that was not restarted, and would have stayed there."""
    settings = {"restart_spread_s": 0.2, "rebalance_per_s": 20}
    with Stack(webs=2, **settings) as stack, ThreadPoolExecutor(NODES) as pool:
        nodes = [Wandering(stack, number) for number in range(NODES)]
        following = [pool.submit(one.follow) for one in nodes]
        urls, stop = [web.url("/ws/session") for web in stack.webs], asyncio.Event()
        async with AsyncExitStack() as leaving:
            connecting = [ReconnectingClient.connect(urls[:: 1 if n % 2 else -1]) for n in range(CLIENTS)]
            clients = [await leaving.enter_async_context(one) for one in connecting]
            speaking = [asyncio.create_task(_speak(client, stop)) for client in clients]
            await asyncio.to_thread(_restart, stack)
            stop.set()
            for said, answered in await asyncio.gather(*speaking):
                assert answered == list(range(said))
            assert sum(client.resumed for client in clients) == CLIENTS // 2 + CLIENTS // 2
        for one in nodes:
            one.node.close()
        for ended in following:
            ended.result(20)
        assert sum(one.closed_with.count(1012) for one in nodes) == NODES // 2 + NODES // 2
        assert get(stack, "stats")["jobs"]["failed"] == 0
        assert stack.webs[0].stats()["sent_elsewhere"] == CLIENTS // 2 + NODES // 2
        assert stack.webs[1].stats()["sent_elsewhere"] == 0
        stack.assert_clean_logs()


def _restart(stack: Stack) -> None:
    """Restart the second process, and wait until it has its part again."""
    stack.webs[1].terminate()
    assert stack.webs[1].wait() == 0
    wait_until(lambda: stack.webs[0].stats()["sessions"] == CLIENTS, "all clients to be at the first")
    wait_until(lambda: stack.webs[0].stats()["nodes"] == NODES, "all nodes to be at the first")
    stack.restart(stack.webs[1])
    for kind, all_of_them in (("sessions", CLIENTS), ("nodes", NODES)):
        half = all_of_them // 2
        wait_until(lambda: _held(stack, kind) == [half, half], f"{kind} to spread")  # noqa: B023


def test_only_who_can_come_back_is_asked_and_nobody_who_is_busy() -> None:
    """An existing client or agent would lose its session or its jobs."""
    with Stack(webs=2, rebalance_per_s=20) as stack:
        old_node, busy = (
            stack.node(PAIR, answer=None, slots=1),
            stack.node(PAIR, ours=True, answer=None, slots=1),
        )
        plain, speaking, idle = stack.client(), stack.client(resumable=True), stack.client(resumable=True)
        plain.say()
        for node in (old_node, busy):
            if not node.jobs:
                speaking.say()
        old_node.job()
        busy.job()
        speaking.wait("audio_ack", seq=1)
        assert idle.wait_closed()[0] == 1012
        busy.answer(busy.job())
        old_node.answer(old_node.job())
        assert busy.wait_closed()[0] == 1012
        plain.result()
        speaking.result()
        assert old_node.all("node_status")[-1]["status"] == "ready"


def _uptime_s(stack: Stack) -> int:
    return min(int(one["uptime_seconds"]) for one in get(stack, "cluster")["instances"])


def test_it_can_be_switched_off() -> None:
    with Stack(webs=2, rebalance_per_s=0) as stack:
        clients = [stack.client(resumable=True) for _ in range(2)]
        wait_until(lambda: get(stack, "cluster", web=1)["total_sessions"] == 2, "the processes to know of it")
        until_s = _uptime_s(stack) + PATIENCE + 2
        wait_until(lambda: _uptime_s(stack) >= until_s, "more looks than it would take")
        assert stack.webs[0].stats()["sent_elsewhere"] == 0
        assert len(clients) == stack.webs[0].stats()["sessions"]
