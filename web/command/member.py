"""A place in a stack: the process that fills it now, and its history."""

from web.command.backoff import RestartBudget
from web.command.console import Console
from web.command.guardian import Guardian
from web.command.process import Child, ProcessSpec


class Member:
    """Starts, watches and stops the process of one spec, as often as its supervisor says."""

    def __init__(self, spec: ProcessSpec) -> None:
        self.spec = spec
        self.child: Child | None = None
        """The running process; None before the first start, after its end and while a restart is due."""
        self.exit_code: int | None = None
        """How the last one ended."""
        self.starts = 0
        self.was_ready = False
        """Whether it ever did its work; what never did is set up wrongly, and would only fail again."""
        self._ready = False
        self._killed = False
        self._budget = RestartBudget()
        self._due_s: float | None = None

    @property
    def settled(self) -> bool:
        """Whether nothing is to be awaited: it runs and is ready, or has ended as it was meant to."""
        return self._ready or (self.spec.ends and self.exit_code is not None)

    def start(self, console: Console, guardian: Guardian) -> None:
        """Start the process. Raises `StackFailed` when the system will not."""
        self._due_s = None
        self._ready = False
        self.starts += 1
        self.child = Child(self.spec, console, guardian)

    def is_due(self, now_s: float) -> bool:
        """Whether the planned restart's time has come."""
        return self._due_s is not None and now_s >= self._due_s

    def plan_restart(self, now_s: float) -> float | None:
        """Give the wait until the next start in seconds, or None when it has died too often."""
        delay_s = self._budget.next_delay_s(now_s)
        self._due_s = None if delay_s is None else now_s + delay_s
        return delay_s

    def becomes_ready(self) -> bool:
        """Tell the first look, after each start, that finds it ready."""
        if self._ready or self.child is None or not self.child.is_ready():
            return False
        self._ready = self.was_ready = True
        return True

    def notice_end(self) -> int | None:
        """Give the exit code if the process ended since the last look, and clean up after it."""
        if self.child is None or self.child.exit_code is None:
            return None
        self.exit_code = self.child.exit_code
        self.child.clean_up()
        self.child = None
        self._ready = False
        return self.exit_code

    def ask_to_stop(self) -> None:
        """Send SIGTERM, if it runs."""
        if self.child is not None:
            self.child.ask_to_stop()

    def still_runs(self) -> bool:
        """Whether its process has not ended; cleans up after one that has."""
        self.notice_end()
        return self.child is not None

    def kill(self) -> bool:
        """Send SIGKILL to all its processes; false when that was done before."""
        if self.child is None or self._killed:
            return False
        self._killed = True
        self.child.kill()
        return True
