"""Does to the stack what the schedule says, heeds its rules, and notes when it really happened."""

import asyncio
import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from math import inf
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

from bench.chaos.members import Member
from bench.chaos.schedule import MOST_NODES, Fault
from bench.chaos.stack import ChaosStack

#: Procfile platforms kill a process 30 s after SIGTERM; ours are to be gone before.
EXIT_S = 25.0
_LOOK_S = 0.5
#: Between two faults of a lane that has fallen behind its times, s.
_BREATH_S = 3.0
_API_S = 3.0


@dataclass(frozen=True)
class Happened:
    """A fault as it came to pass, on the wall clock (s)."""

    fault: Fault
    began_s: float
    ended_s: float
    """When the victim did its work again."""


class Conductor:
    """Runs the lanes beside each other; `run` returns when all is done and everything works again.

    A lane that has fallen behind, on a slow machine, leaves out what would begin after ``until_s``.
    """

    def __init__(
        self, stack: ChaosStack, faults: list[Fault], say: Callable[[str], None], until_s: float = inf
    ) -> None:
        self.happened: list[Happened] = []
        self.exits: list[str] = []
        """Processes that ended although nobody had asked them to."""
        self.slow_exits: list[str] = []
        """Processes that were not gone `EXIT_S` after SIGTERM."""
        self._stack = stack
        self._faults = faults
        self._until_s = until_s
        self._say = say
        self._busy: set[str] = set()
        self._nodes = asyncio.Semaphore(MOST_NODES)
        self._began_s = 0.0

    async def run(self) -> None:
        """Do it all. Raises `DidNotStart`: a process does not come back."""
        self._began_s = time.monotonic()
        lanes = sorted({fault.lane for fault in self._faults})
        watching = asyncio.create_task(self._watch())
        try:
            await asyncio.gather(*(self._play(lane) for lane in lanes))
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
        self.happened.sort(key=lambda each: each.began_s)

    def save(self, path: Path) -> None:
        """Write what happened as JSON lines."""
        path.write_text("".join(json.dumps(asdict(each)) + "\n" for each in self.happened))

    async def _play(self, lane: str) -> None:
        under_way = []
        for fault in [each for each in self._faults if each.lane == lane]:
            await asyncio.sleep(max(0.0, fault.at_s - (time.monotonic() - self._began_s)))
            if time.monotonic() - self._began_s > self._until_s:
                break
            if lane == "nodes":
                under_way.append(asyncio.create_task(self._one_of_many(fault)))
            else:
                await self._one(fault)
                await asyncio.sleep(_BREATH_S)
        await asyncio.gather(*under_way)

    async def _one_of_many(self, fault: Fault) -> None:
        async with self._nodes:
            while fault.victim in self._busy:
                await asyncio.sleep(_LOOK_S)
            await self._one(fault)

    async def _one(self, fault: Fault) -> None:
        began_s = time.time()
        self._busy.add(fault.victim)
        self._say(f"{fault.action} {fault.victim}" + (f" for {fault.for_s:g} s" if fault.for_s else ""))
        try:
            await (self._weather(fault) if ">" in fault.victim else self._hit(fault))
        finally:
            self._busy.discard(fault.victim)
        self.happened.append(Happened(fault, began_s, time.time()))

    async def _weather(self, fault: Fault) -> None:
        proxy = self._stack.proxies[fault.victim]
        if fault.action in ("cut", "reset"):
            proxy.cut(fault.share, reset=fault.action == "reset")
            return
        stall = fault.action == "stall"
        await proxy.hold(
            fault.share, fault.for_s, stall=stall, delay_s=fault.delay_s, bytes_per_s=fault.bytes_per_s
        )

    async def _hit(self, fault: Fault) -> None:
        member = self._stack.members[fault.victim]
        match fault.action:
            case "kill":
                await asyncio.to_thread(member.kill)
                await asyncio.sleep(fault.for_s)
                await self._start(member)
            case "crash":
                await self._crash(member)
            case "stop":
                await self._stop(member, fault.for_s)
            case "restart":
                await self._restart(member)
            case "drain":
                await self._drain(fault)
            case unknown:
                raise ValueError(f"{unknown!r} is nothing that can be done to {fault.victim}")

    async def _start(self, member: Member) -> None:
        await asyncio.to_thread(member.start)
        await asyncio.to_thread(member.wait_ready)

    async def _crash(self, member: Member) -> None:
        """Kill a part of it; who ends because of that is started again."""
        member.crash()
        await asyncio.sleep(_BREATH_S)
        if member.exited is None:
            await asyncio.to_thread(member.wait_ready)
        else:
            await asyncio.to_thread(member.kill)
            await self._start(member)

    async def _stop(self, member: Member, for_s: float) -> None:
        member.stop()
        try:
            await asyncio.sleep(for_s)
        finally:
            member.go_on()
        if member.name == "valkey":
            await asyncio.to_thread(member.wait_ready)

    async def _restart(self, member: Member) -> None:
        took_s = await asyncio.to_thread(member.terminate, EXIT_S)
        self._say(f"{member.name} was gone {took_s:.1f} s after SIGTERM")
        if took_s >= EXIT_S:
            self.slow_exits.append(f"{member.name} was not gone {EXIT_S:g} s after SIGTERM")
        await self._start(member)

    async def _drain(self, fault: Fault) -> None:
        await self._order(fault.victim, "drain")
        try:
            await asyncio.sleep(fault.for_s)
        finally:
            await self._order(fault.victim, "undrain")

    async def _order(self, node: str, verb: str) -> None:
        """Tell the first web process that does it; a node that is drained must not stay so for ever."""
        while True:
            for port in self._stack.web_ports:
                with suppress(URLError, OSError):
                    await asyncio.to_thread(_post, f"http://127.0.0.1:{port}/api/v1/nodes/{node}/{verb}")
                    return
            await asyncio.sleep(_LOOK_S)

    async def _watch(self) -> None:
        """Start again what ended by itself, as a platform does."""
        while True:
            for member in self._stack.members.values():
                if member.name not in self._busy and (code := member.note_exit()) is not None:
                    self.exits.append(f"{member.name} ended by itself with {code}")
                    self._say(self.exits[-1])
                    member.start()
            await asyncio.sleep(_LOOK_S)


def _post(url: str) -> None:
    with urlopen(Request(url, data=b"{}", headers={"Content-Type": "application/json"}), timeout=_API_S):
        pass
