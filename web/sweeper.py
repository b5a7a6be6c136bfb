"""What a web process does twice a second so that nothing depends on a worker or on a lost message."""

import logging
import time
from collections.abc import Callable, Sequence
from typing import Any

import gevent

from scheduling.bodies import Bodies
from scheduling.catalog import Catalog, read_pools, read_snapshot
from scheduling.drain import drain_shards
from scheduling.errors import StoreError
from scheduling.ledger import Ledger
from scheduling.ledger.codes import LedgerError, SchemaMismatch
from scheduling.pooling import drain_pools
from tasks.names import ASSIGN_POOLS, CONTROL, DRAIN, DRAIN_RESULTS
from web.delivery import Delivery
from web.membership import Membership
from web.peers import Peers
from web.publisher import Publisher
from web.recovery import Recovery
from web.room_upkeep import RoomUpkeep

_log = logging.getLogger(__name__)

_MOST = 64
#: A drain in place of a worker lasts so long, ms: what else is swept waits behind it.
_FALLBACK_DRAIN_MS = 200
#: A speech that is delivered at all is so much sooner, s.
_AT_HAND_S = 5.0
#: How often sessions that wait for long are looked after, s.
_LOOK_S = 3.0


class Sweeper:
    """Shows life, settles deadlines, notices new pools, and takes over what no worker drains."""

    def __init__(
        self,
        ledger: Ledger,
        bodies: Bodies,
        instance: str,
        peers: Peers,
        publisher: Publisher,
        delivery: Delivery,
        swap_catalog: Callable[[Catalog], None],
        recovery: Recovery,
        rooms: RoomUpkeep,
        membership: Membership,
    ) -> None:
        self._ledger = ledger
        self._bodies = bodies
        self._instance = instance
        self._peers = peers
        self._publisher = publisher
        self._delivery = delivery
        self._swap_catalog = swap_catalog
        self.recovery = recovery
        self._rooms = rooms
        self._membership = membership
        self._snapshot_seen: tuple[bytes | None, ...] = ()
        self._looked_s = 0.0
        self.failure: StoreError | LedgerError | None = None
        """How the last sweep failed, None if it did not."""
        self.fallbacks = 0
        """Times this process drained because no worker did."""
        self.ended_s = time.monotonic()
        """When the last sweep ended, well or not, on the monotonic clock."""
        self.outbox_age_ms = self.pools_age_ms = 0
        """For how long the oldest result, and the oldest change of pools, had waited at the last sweep."""

    def run(self) -> None:
        """Sweep for ever. Raises `SchemaMismatch`."""
        period_s = self._ledger.cell.settings.sweep_ms / 1000
        while True:
            started_s = time.monotonic()
            try:
                self.sweep()
                self.failure = None
            except SchemaMismatch:
                raise
            except (StoreError, LedgerError) as error:
                self.failure = error
                _log.warning("a sweep failed: %s", error)
            self.ended_s = time.monotonic()
            gevent.sleep(max(0.01, started_s + period_s - time.monotonic()))

    def sweep(self) -> None:
        """Do all of it once."""
        settings = self._ledger.cell.settings
        self._bodies.at_hand.drop_older(_AT_HAND_S)
        self.recovery.look()
        self._membership.show_life()
        self.recovery.renewed()
        swept = self._ledger.jobs.settle(self._instance, settings.sweep_ms, _MOST)
        if swept is not None:
            self._membership.mind_others()
        self._mind_sessions()
        self._touch_nodes()
        streams = [self._ledger.keys.results(shard) for shard in range(settings.shards)]
        replies = self._ledger.cell.store.commands(
            [
                ("TIME",),
                ("HMGET", self._ledger.keys.cell, "snapshot_seq", "pools_version"),
                *[("XRANGE", stream, "-", "+", "COUNT", 1) for stream in [self._ledger.keys.dirty, *streams]],
            ]
        )
        now_ms = int(replies[0][0]) * 1000 + int(replies[0][1]) // 1000
        self._notice_pools(replies[1])
        ages = [_age_ms(reply, now_ms) for reply in replies[2:]]
        self.pools_age_ms, self.outbox_age_ms = ages[0], max(ages[1:])
        self._mind_pools(ages[0])
        for shard, age_ms in enumerate(ages[1:]):
            self._mind_shard(shard, age_ms)
        self._rooms.mind(for_all=swept is not None)
        self._bodies.flush()

    def _mind_sessions(self) -> None:
        """Go on with deliveries that broke off, and now and then with those nobody hinted at."""
        links = list(self._peers.sessions.values())
        self._delivery.resume_stalled(links)
        if time.monotonic() - self._looked_s > _LOOK_S:
            self._looked_s = time.monotonic()
            self._delivery.look_again(links)

    def _touch_nodes(self) -> None:
        """Note the life of nodes that sent frames or pongs, but no heartbeat, for a heartbeat interval.

        So a node whose interval is longer than the silence that takes it offline lives by its pongs.
        """
        longest_ms = self._ledger.cell.settings.silence_ms / 2
        for link in list(self._peers.nodes.values()):
            seen_s = link.connection.last_seen_s
            if (seen_s - link.touched_s) * 1000 >= min(link.registration.beat_ms, longest_ms):
                link.touched_s = seen_s
                self._ledger.nodes.submit_touch(link.node_id, link.socket)

    def _notice_pools(self, seen: Sequence[bytes | None]) -> None:
        if tuple(seen) != self._snapshot_seen:
            store, keys = self._ledger.cell.store, self._ledger.keys
            pools, snapshot = read_pools(store, keys), read_snapshot(store, keys)
            current = snapshot is not None and snapshot.version == pools.version
            self._swap_catalog(snapshot if current and snapshot else pools)
            self._snapshot_seen = tuple(seen)

    def _mind_pools(self, age_ms: int) -> None:
        settings = self._ledger.cell.settings
        if age_ms > settings.wake_ms:
            self._publisher.wake(ASSIGN_POOLS, CONTROL)
        if age_ms > self._patience_ms():
            self.fallbacks += 1
            drain_pools(self._ledger, most_ms=_FALLBACK_DRAIN_MS)

    def _mind_shard(self, shard: int, age_ms: int) -> None:
        settings = self._ledger.cell.settings
        if age_ms > settings.wake_ms:
            self._publisher.wake(DRAIN_RESULTS, DRAIN, shard)
        if age_ms > self._patience_ms():
            self.fallbacks += 1
            drain_shards(self._ledger, self._bodies, [shard], most_ms=_FALLBACK_DRAIN_MS)

    def _patience_ms(self) -> int:
        """How long the work is left to workers, ms: less when none of them will hear of it."""
        settings = self._ledger.cell.settings
        return settings.fallback_ms if self._publisher.heard else min(settings.wake_ms, settings.fallback_ms)


def _age_ms(first: list[Any], now_ms: int) -> int:
    """Age of a stream's first entry; 0 when it has none."""
    return now_ms - int(first[0][0].partition(b"-")[0]) if first else 0
