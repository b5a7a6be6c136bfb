"""A node whose socket is as it was, told to a ledger that does not know it any more."""

import json

from scheduling.messages import parse_node_message
from scheduling.pooling import drain_pools
from scheduling.store.plain import PlainStore
from tests.web.test_faults_above import REGISTERS, Process
from web.admission import Admission
from web.node_socket import NodeSocket
from web.timing import Timings


def test_it_is_given_work_at_once_by_what_it_said_last(store: PlainStore) -> None:
    """The ledger was flushed between two looks of one sweep: the process took itself for declared dead and
    entered the node, but without its last heartbeat, so it got no work until it said something again.
    """
    process = Process(store, 1)
    sockets = NodeSocket(
        process.ledger,
        process.peers,
        process.messages,
        process.publisher,
        "web1",
        Timings(),
        Admission(process.ledger.cell.settings),
    )
    said = {name: REGISTERS[name] for name in ("capability_by_type", "language_capabilities")}
    usage = {"cpu_percent": 1, "mem_percent": 1, "running_jobs": 0}
    heartbeat = {"type": "node_heartbeat", "node_id": "n1", "timestamp": 1, "resource_usage": usage}
    process.messages.handle(
        process.link, parse_node_message(json.dumps(heartbeat | said | {"installed_services": []}))
    )
    store.command("FLUSHALL")
    process.ledger.cell.open()
    sockets.enter_again(process.link)
    drain_pools(process.ledger)
    record = process.ledger.keys.node("n1")
    assert store.command("HMGET", record, "status", "why") == [b"ready", b""]
