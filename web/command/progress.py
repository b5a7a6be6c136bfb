"""How far it is, for what takes long: a bar on a terminal, elsewhere a line now and then."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

#: Where nobody looks at a terminal a line is written no more often than this, s.
_EVERY_S = 10.0


@contextmanager
def bar(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show on stderr how far it is, until the context ends; give a function that takes how much is done."""
    if not sys.stderr.isatty():
        yield _Lines(what, total).show
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=total)
        yield lambda done: progress.update(task, completed=done)


class _Lines:
    """Says in a file or a pipe how far it is; what is done soon is not told of."""

    def __init__(self, what: str, total: int) -> None:
        self._what = what
        self._total = total
        self._began_s = self._told_s = time.monotonic()

    def show(self, done: int) -> None:
        """Tell, unless it was told a moment ago."""
        now_s = time.monotonic()
        if now_s - self._told_s >= _EVERY_S:
            self._told_s = now_s
            took = f"after {now_s - self._began_s:.0f} s"
            print(f"{self._what}: {done} of {self._total} {took}", file=sys.stderr, flush=True)
