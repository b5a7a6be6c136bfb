"""Keeps the processes of a stack running, and takes them down in order."""

import signal
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from queue import Empty, SimpleQueue
from types import FrameType, TracebackType
from typing import Self

from web.command.console import Console
from web.command.errors import USAGE, StackFailed
from web.command.guardian import Guardian
from web.command.member import Member
from web.command.process import ProcessSpec, cannot_start, describe_exit, shell_exit_code

#: What `signal.signal` gives and takes.
Handler = Callable[[int, FrameType | None], object] | int | None

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
#: How often readiness is asked for, and how often the ends of processes are looked for when no SIGCHLD tells.
_BUSY_TICK_S = 0.1
_IDLE_TICK_S = 1.0


class Supervisor:
    """A stack of processes; a context manager, used in the main thread because it handles signals.

    ::

        with Supervisor(specs, console) as stack:
            if stack.start():
                stack.watch()

    SIGINT, SIGTERM and SIGHUP ask it to stop: `start` and `watch` return, and leaving the context stops all
    processes. Another such signal meanwhile kills them. Raises `StackFailed` when a process cannot be kept.
    """

    def __init__(
        self,
        specs: Iterable[ProcessSpec],
        console: Console,
        *,
        ready_s: float = 60.0,
        orphan_s: float = 10.0,
    ) -> None:
        """Take what to run; nothing is started yet.

        A rank must be ready within `ready_s`. If we are killed, the processes get `orphan_s` to end.
        """
        self._console = console
        self._ready_s = ready_s
        self._orphan_s = orphan_s
        self._members = [Member(spec) for spec in specs]
        # The one queue of the standard library that a signal handler may put into at any moment.
        self._signals: SimpleQueue[int] = SimpleQueue()
        self._handlers: dict[signal.Signals, Handler] = {}
        self._stop_requests = 0

    def __enter__(self) -> Self:
        try:
            self._guardian = Guardian(self._orphan_s)
        except OSError as error:
            raise cannot_start("the guardian process", error) from error
        for number in (*_STOP_SIGNALS, signal.SIGCHLD):
            self._handlers[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, StackFailed):
            self._console.say(f"{error} Stopping everything.")
        try:
            self.stop()
        finally:
            self._guardian.close()
            for number, handler in self._handlers.items():
                signal.signal(number, handler)

    @property
    def stop_asked(self) -> bool:
        """Whether a signal asked for the end."""
        return self._stop_requests > 0

    def start(self) -> bool:
        """Start all processes, rank by rank, each when the rank before is ready; false when asked to stop."""
        for rank in sorted({member.spec.start_rank for member in self._members}):
            group = [member for member in self._members if member.spec.start_rank == rank]
            for member in group:
                member.start(self._console, self._guardian)
            if not self._until_ready(group):
                return False
        return True

    def launch(self, spec: ProcessSpec) -> Member:
        """Add a process to the running stack, and start it."""
        member = Member(spec)
        self._members.append(member)
        member.start(self._console, self._guardian)
        return member

    def watch(self, until: Callable[[], bool] = lambda: False) -> bool:
        """Start again what dies, until `until` holds; false when asked to stop before."""
        while not until():
            all_ready = all(member.settled for member in self._members)
            if not self._turn(_IDLE_TICK_S if all_ready else _BUSY_TICK_S):
                return False
        return True

    def stop(self) -> None:
        """Stop all processes, rank by rank: SIGTERM, and SIGKILL for those that do not end in time."""
        requests = self._stop_requests
        for rank in sorted({member.spec.stop.rank for member in self._members}):
            group = [m for m in self._members if m.spec.stop.rank == rank and m.child is not None]
            for member in group:
                member.ask_to_stop()
            self._until_ended(group, requests)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._signals.put(number)

    def _sleep(self, timeout_s: float) -> None:
        """Wait for a signal, the end of a child being one; then take all that came."""
        with suppress(Empty):
            while True:
                number = self._signals.get(timeout=timeout_s)
                timeout_s = 0.0
                self._stop_requests += number in _STOP_SIGNALS

    def _turn(self, timeout_s: float) -> bool:
        """Sleep, then look after every process; false once a stop was asked for."""
        self._sleep(timeout_s)
        if self._console.gone:
            self._stop_requests += 1
        if self.stop_asked:
            return False
        for member in self._members:
            self._tend(member)
        return True

    def _tend(self, member: Member) -> None:
        if member.is_due(time.monotonic()):
            member.start(self._console, self._guardian)
        code = member.notice_end()
        if code is not None:
            self._replace(member, code)
        elif member.becomes_ready() and not member.spec.ends:
            self._console.say(f"{member.spec.name} is ready{' again' if member.starts > 1 else ''}")

    def _replace(self, member: Member, code: int) -> None:
        """Plan the next start of a member that died, or raise when there is to be none."""
        if member.spec.ends:
            return
        when = "unasked" if member.was_ready else "before it was ready"
        what = f"{member.spec.name} ended {when} ({describe_exit(code)})"
        if not member.spec.restarts or not member.was_ready or code == USAGE:
            raise StackFailed(f"{what}.", shell_exit_code(code))
        delay_s = member.plan_restart(time.monotonic())
        if delay_s is None:
            raise StackFailed(f"{what}, the {member.starts}th time within a minute; giving up.")
        self._console.say(f"{what}; starting it again in {delay_s:g} s")

    def _until_ready(self, group: list[Member]) -> bool:
        until_s = time.monotonic() + self._ready_s
        while waiting := [member.spec.name for member in group if not member.settled]:
            if time.monotonic() > until_s:
                raise StackFailed(f"Not ready after {self._ready_s:g} s: {', '.join(waiting)}.")
            if not self._turn(_BUSY_TICK_S):
                return False
        return True

    def _until_ended(self, group: list[Member], requests: int) -> None:
        """Wait for the members of one rank; kill those that are late, or all when asked to stop once more."""
        started_s = time.monotonic()
        while running := [member for member in group if member.still_runs()]:
            hurried = self._stop_requests > requests
            for member in running:
                if (hurried or time.monotonic() - started_s > member.spec.stop.within_s) and member.kill():
                    self._console.say(
                        f"{member.spec.name} killed" + ("" if hurried else ", it did not end in time")
                    )
            self._sleep(_BUSY_TICK_S)
