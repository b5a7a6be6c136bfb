"""Everything one web process is made of, put together once."""

import logging
import os
import signal
import socket
from collections.abc import Callable
from functools import partial
from uuid import uuid4

import gevent
from celery import Celery

from scheduling.bodies import Bodies
from scheduling.catalog import Catalog
from scheduling.errors import StoreError
from scheduling.ledger import Ledger
from scheduling.ledger.codes import SchemaMismatch
from scheduling.logs import know_always
from scheduling.settings import Settings
from scheduling.store.batched import BatchedStore
from web.admission import Admission
from web.assigning import Assigner
from web.canary import Canaries
from web.credential_watch import CredentialWatch
from web.delivery import Delivery, acknowledge_close
from web.inbox import BLOCK_S, Inbox
from web.limiter import Limiter
from web.membership import Membership
from web.node_messages import NodeMessages
from web.node_socket import NodeSocket
from web.pairing import Pairings
from web.peers import Peers
from web.placing import Placer
from web.presence import Presence
from web.publisher import Publisher
from web.readiness import why_not_ready
from web.rebalancing import Rebalancer
from web.recovery import Recovery
from web.registry import Registry
from web.restoring import Restorer
from web.resuming import Resuming
from web.room_delivery import RoomResults
from web.rooms import Rooms
from web.service_catalog import ServiceCatalog
from web.session_cancel import Cancelling
from web.session_link import SessionLink
from web.session_socket import SessionSocket
from web.store_check import check_body_server, check_ledger_server, warn
from web.sweeper import Sweeper
from web.timing import Timings
from web.uploads import Uploads
from web.usage import UsageBook

_log = logging.getLogger(__name__)

_BODY_TIMEOUT_S = 5.0
_CHECK_AGAIN_S = 5.0


class Dispatcher:
    """One web process: its connections to the stores, its peers, and the greenlets that serve them."""

    def __init__(self, settings: Settings, celery: Celery) -> None:
        self.settings = settings
        self.instance = f"{socket.gethostname()}-{os.getpid()}-{uuid4().hex[:8]}"
        know_always(instance=self.instance)
        self.timings = Timings()
        self.peers = Peers()
        self.limiter = limiter = Limiter(settings)
        """What this process refuses by limits, and counts of all it has refused."""
        # Calls, bodies and the blocking read of the inbox never wait behind each other.
        self.store = BatchedStore(settings.redis_url, timeout_s=settings.store_timeout_s)
        self.body_store = BatchedStore(settings.body_url, timeout_s=_BODY_TIMEOUT_S)
        self._inbox_store = BatchedStore(
            settings.redis_url, timeout_s=BLOCK_S + settings.store_timeout_s, preload=()
        )
        self.ledger = Ledger(self.store, settings)
        self.bodies = bodies = Bodies(self.body_store, settings)
        self.publisher = Publisher(celery)
        self.usage = usage = UsageBook(self.ledger, self.instance)
        self.admission = admission = Admission(settings, limiter)
        self.registry = Registry()
        self.credential_watch = CredentialWatch(self.ledger, admission, self.registry, self.peers)
        assigner = Assigner(self.ledger, bodies, self.peers, self.instance, usage, self.timings)
        delivery = Delivery(
            self.ledger, bodies, RoomResults(self.ledger, bodies), _on_idle, self.timings.first_audio
        )
        restorer = Restorer(self.ledger, self.instance)
        rooms = Rooms(self.ledger, self.peers, self.instance, restorer, limiter)
        self._inbox = Inbox(
            self._inbox_store, self.ledger, self.instance, self.peers, assigner, delivery, rooms.kinds
        )
        self._placer = placer = Placer(
            self.ledger, bodies, assigner, self.instance, self.timings, restorer, limiter, usage
        )
        pairings = Pairings(self.ledger, limiter)
        self.node_messages = NodeMessages(
            self.ledger,
            bodies,
            self.peers,
            assigner,
            self.publisher,
            self.instance,
            self.timings,
            placer.tenant_of,
            pairings,
            usage,
        )
        self.nodes = NodeSocket(
            self.ledger,
            self.peers,
            self.node_messages,
            self.publisher,
            self.instance,
            self.timings,
            admission,
        )
        self.sessions = SessionSocket(
            self.ledger,
            self.peers,
            placer,
            pairings,
            Cancelling(self.ledger, bodies, self.publisher),
            rooms,
            Resuming(self.ledger, self.peers, delivery, self.instance, restorer),
            limiter,
            admission,
        )
        self.membership = Membership(
            self.ledger, self.instance, self.peers, delivery, restorer, self.nodes.enter_again
        )
        self.sweeper = Sweeper(
            self.ledger,
            bodies,
            self.instance,
            self.peers,
            self.publisher,
            delivery,
            placer.swap_catalog,
            Recovery(self.ledger, self.instance, self.peers, self.nodes, restorer),
            rooms.upkeep,
            self.membership,
        )
        self.presence = Presence(
            self.ledger, self.instance, self.peers, placer.refused, lambda: self.membership.generation, usage
        )
        self.rebalancer = Rebalancer(self.ledger, self.instance, self.peers, self.presence)
        self.uploads = Uploads(self.ledger, bodies, placer, self.instance, limiter)
        self.canaries = Canaries(self.ledger, self.uploads, self.instance, lambda: placer.catalog)
        self.services = ServiceCatalog(settings.model_hub_url)
        self.warnings: list[str] = []
        """Settings of the servers that may lose data, as found at the start."""
        self.refused = False
        """The ledger is that of another version: this process ends."""
        self._greenlets: list[gevent.Greenlet[[], None]] = []

    def start(self) -> None:
        """Open the cell and start the greenlets; each is started again if it ever fails."""
        try:
            self.ledger.cell.open()
            self.sweeper.sweep()
            self.credential_watch.look()
        except (StoreError, SchemaMismatch) as error:
            _log.warning("the ledger cannot be used yet: %s", error)
        self._greenlets.append(gevent.spawn(self._check_servers))
        runs = [
            self._inbox.run,
            self.publisher.run,
            self.sweeper.run,
            self.presence.run,
            self.presence.load.run,
            self.credential_watch.run,
        ]
        if self.settings.rebalance_per_s:
            runs.append(self.rebalancer.run)
        if self.settings.canary_s:
            runs.append(self.canaries.run)
        for run in (*runs, self.services.run):
            self._greenlets.append(gevent.spawn(partial(_supervise, run, self._refuse)))

    def _check_servers(self) -> None:
        """Warn once of servers that are set to lose data, as soon as they can be asked."""
        while True:
            try:
                self.warnings = check_ledger_server(self.store, self.settings)
                if self.settings.payload_url:
                    self.warnings += check_body_server(self.body_store, self.settings)
            except StoreError:
                gevent.sleep(_CHECK_AGAIN_S)
                continue
            warn(self.warnings)
            return

    def stop(self) -> None:
        """End the greenlets, take this process out of the cell and close the stores."""
        gevent.killall(self._greenlets)
        self.usage.settle_at_last()
        self.membership.leave()
        for store in (self.store, self.body_store, self._inbox_store):
            store.close()

    def _refuse(self, error: SchemaMismatch) -> None:
        """End this process as a deploy does; what it would write, others would misread."""
        if not self.refused:
            self.refused = True
            _log.critical("this process ends: %s", error)
            os.kill(os.getpid(), signal.SIGTERM)

    @property
    def catalog(self) -> Catalog:
        """The pools this process knows."""
        return self._placer.catalog

    @property
    def pools_version(self) -> int:
        """Version of the pools this process knows."""
        return self._placer.catalog.version

    @property
    def why_not_ready(self) -> str:
        """What keeps this process from serving, "" for nothing."""
        return why_not_ready(self.store, self.sweeper.failure)


def _supervise(run: Callable[[], None], refuse: Callable[[SchemaMismatch], None]) -> None:
    """Run for ever: a bug in one round must not end a greenlet everything depends on."""
    while True:
        try:
            run()
        except SchemaMismatch as error:
            refuse(error)
            return
        except Exception:  # noqa: BLE001  # the log has the trace; the next round starts afresh
            _log.exception("%s failed and starts again", getattr(run, "__qualname__", run))
            gevent.sleep(1)


def _on_idle(session: SessionLink) -> None:
    if session.closing and not session.running:
        acknowledge_close(session)
