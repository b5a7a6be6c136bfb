"""What this process has counted of usage, and its way into the ledger once a second."""

import logging
from collections import defaultdict
from itertools import count

from gevent.lock import BoundedSemaphore

from scheduling.errors import StoreError
from scheduling.ledger import Ledger
from scheduling.ledger.codes import LedgerError
from scheduling.limits import CANARY
from scheduling.usage import AT_ONCE, OTHERS, Amount, Batch, By, add_usage, today

_log = logging.getLogger(__name__)

#: Batches that wait for a ledger which does not answer; what is counted then waits in one sum.
_MOST_BATCHES = 16
#: Names in that sum; a flood of them shares one.
_MOST_NAMES = 10_000


class UsageBook:
    """Counts in memory; `settle` tells the ledger, each batch under a number by which it counts once.

    A process that is killed takes with it what it has counted since it last settled: a second's worth.
    """

    def __init__(self, ledger: Ledger, instance: str) -> None:
        self._cell = ledger.cell
        self._instance = instance
        self._keeps = ledger.cell.settings.usage_days > 0
        self._amounts: dict[tuple[By, str], Amount] = defaultdict(Amount)
        self._batches: list[Batch] = []
        self._settling = BoundedSemaphore()  # a process that goes tells once more while it may be telling
        self._numbers = count(1)
        self._calls = count(1)
        self.totals = Amount()
        """Of all tenants, since this process began."""

    def spoke(self, tenant: str, audio_ms: int) -> None:
        """Count an accepted job."""
        if tenant == CANARY:
            return
        self._add("tenant", tenant, audio_ms, 1, 0)
        self.totals.audio_ms += audio_ms
        self.totals.utterances += 1

    def sent(self, node_id: str) -> None:
        """Count an attempt that was sent to a node."""
        self._add("node", node_id, 0, 1, 0)

    def done(self, node_id: str, tenant: str, audio_ms: int) -> None:
        """Count a result that is on record."""
        if tenant == CANARY:
            return
        self._add("node", node_id, audio_ms, 0, 1)
        self._add("tenant", tenant, 0, 0, 1)
        self.totals.results += 1

    def call(self) -> str:
        """Name a result's call, by which the ledger tells a repeated one from a repeated result."""
        return f"{self._instance} {next(self._calls)}" if self._keeps else ""

    def settle(self) -> None:
        """Tell the ledger what was counted since; what it does not take is told later.

        Raises `LedgerError` and `StoreError`.
        """
        if len(self._batches) < _MOST_BATCHES:
            self._close_batches()
        with self._settling:
            while self._batches:
                add_usage(self._cell, self._instance, self._batches[0])
                self._batches.pop(0)

    def settle_at_last(self) -> None:
        """Do it once more, because this process ends."""
        try:
            self.settle()
        except (LedgerError, StoreError) as error:
            _log.warning("the usage of the last second is lost: %s", error)

    def _close_batches(self) -> None:
        if not self._amounts:
            return
        amounts, self._amounts = self._amounts, defaultdict(Amount)
        counts = [(by, name, amount) for (by, name), amount in amounts.items()]
        day = today()
        for first in range(0, len(counts), AT_ONCE):
            self._batches.append(Batch(next(self._numbers), day, counts[first : first + AT_ONCE]))

    def _add(self, by: By, name: str, audio_ms: int, utterances: int, results: int) -> None:
        if not self._keeps:
            return
        key = (by, name)
        if len(self._amounts) >= _MOST_NAMES and key not in self._amounts:
            key = (by, OTHERS)
        amount = self._amounts[key]
        amount.audio_ms += audio_ms
        amount.utterances += utterances
        amount.results += results
