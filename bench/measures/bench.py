"""What all measures share: the plan, the book, a folder, and systems whose scripts are watched."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from bench.book import Book
from bench.floor import Floor
from bench.load import messages
from bench.plan import Plan
from bench.systems import Bare, Laden, Ours, Relay, System


@dataclass
class Bench:
    """One run of the benchmark."""

    plan: Plan
    folder: Path
    peers: tuple[str, ...]
    """Those that can be measured here."""
    book: Book = field(default_factory=Book)
    _numbers: Iterator[int] = field(default_factory=count)
    _recorded: dict[int, list[list[str]]] = field(default_factory=dict)

    def say(self, words: str) -> None:
        """Tell whoever waits what is under way."""
        print(f"  {words}", file=sys.stderr, flush=True)

    def new_folder(self) -> Path:
        """Give the name of a folder that is not there yet."""
        return self.folder / f"system-{next(self._numbers)}"

    @contextmanager
    def ours(self, webs: int = 1, workers: int = 1, **settings: str) -> Iterator[Ours]:
        """Run our system; its longest scripts are noted at the end."""
        with ExitStack() as stack:
            system = Ours(stack, self.new_folder(), webs, workers, **settings)
            yield system
            self.note_scripts(system)

    def note_scripts(self, system: System) -> None:
        """Note the longest run of each script."""
        self.book.facts.setdefault("persistence", system.describe())
        longest = system.slowest_scripts_ms()
        self.book.worst("longest_script_ms", max(longest.values(), default=0.0))
        known = self.book.facts.setdefault("longest_by_script_ms", {})
        for name, ms in longest.items():
            known[name] = max(ms, known.get(name, 0.0))

    @contextmanager
    def bare(self) -> Iterator[Bare]:
        """Run the bare path."""
        with ExitStack() as stack:
            system = Bare(stack, self.new_folder())
            yield system
            self._note_waits(system)

    @contextmanager
    def laden(self, audio_bytes: int) -> Iterator[Laden]:
        """Run the bare path with the recorded load of utterances of this size."""
        with ExitStack() as stack:
            system = Laden(stack, self.new_folder(), self.recorded(audio_bytes))
            yield system
            self._note_waits(system)

    @contextmanager
    def deciding(self) -> Iterator[Laden]:
        """Run the bare path with the load of our scripts themselves."""
        with ExitStack() as stack:
            yield Laden(stack, self.new_folder(), None)

    def _note_waits(self, system: System) -> None:
        """Note how long scripts without a decision took at most: what is above a ms is waiting for a core."""
        longest = max(system.slowest_scripts_ms().values(), default=0.0)
        self.book.worst("longest_limit_script_ms", longest)

    def recorded(self, audio_bytes: int) -> list[list[str]]:
        """Give the commands that keep an utterance's records, as Lua lines of each step."""
        if audio_bytes not in self._recorded:
            with ExitStack() as stack:
                system = System(stack, self.new_folder())
                floor = Floor(system.store, system.url, messages.audio(audio_bytes).decode())
                self._recorded[audio_bytes] = list(floor.record())
        return self._recorded[audio_bytes]

    @contextmanager
    def relay(self) -> Iterator[Relay]:
        """Run the control."""
        with ExitStack() as stack:
            yield Relay(stack, self.new_folder())
