"""The processes of the cell and a page of its nodes, with what each can do and has left."""

import json
from collections.abc import Sequence
from typing import Any

from scheduling import explain
from scheduling.capability import CapabilityClass
from scheduling.explain.reading import number
from scheduling.explain.views import Node
from scheduling.instances import Instance, Power, power_left, read_instances
from scheduling.ledger import Cell
from scheduling.ledger.cell import text
from scheduling.messages import HardwareInfo, ResourceUsage
from scheduling.totals import read_totals
from web.api import fleet_views as views

_ONLINE_MS = 10_000
_TOLD = {"instance_id", "hostname", "pid", "version", "started_at_ms", "generation"}
_SERVICES = ("asr", "nmt", "tts", "semantic", "tone")


def read_cluster(cell: Cell, limit: int, cursor: str) -> views.Cluster:
    """Read the processes and ``limit`` nodes. Raises `BadCursor` and `StoreError`."""
    totals, heard = read_totals(cell), read_instances(cell)
    page = explain.node_page(cell, limit, cursor)
    lengths = cell.store.commands([("XLEN", cell.keys.inbox(one.instance_id)) for one, _ in heard])
    instances = [
        views.InstanceView(
            **one.model_dump(include=_TOLD),
            state=_state(one, totals.now_ms - heard_ms, cell.settings.presence_ms),
            uptime_seconds=max(0, heard_ms - one.started_at_ms) // 1000,
            is_online=totals.now_ms - heard_ms < _ONLINE_MS,
            inbox_length=length,
            nodes_owned=one.nodes,
            sessions_owned=one.sessions,
        )
        for (one, heard_ms), length in zip(heard, lengths, strict=True)
    ]
    online = [one for one in instances if one.is_online]
    return views.Cluster(
        now_ms=totals.now_ms,
        instances=instances,
        total_instances=len(instances),
        online_instances=len(online),
        lost_instances=totals.instances_lost,
        total_nodes=totals.online,
        online_nodes=totals.online,
        ready_nodes=totals.by_status["ready"],
        total_sessions=sum(one.sessions_owned for one in online),
        total_pending=sum(lengths),
        nodes=_nodes(cell, page.nodes),
        next_cursor=page.next_cursor,
    )


def _state(one: Instance, silent_ms: int, presence_ms: int) -> views.InstanceState:
    if silent_ms >= presence_ms:
        return views.InstanceState.SILENT
    return views.InstanceState.LEAVING if one.leaving else views.InstanceState.LIVING


def _nodes(cell: Cell, nodes: Sequence[Node]) -> list[views.ClusterNode]:
    asked = [("HMGET", cell.keys.node(node.node_id), "usage", "profile", "class_json") for node in nodes]
    found = cell.store.commands(asked)
    return [_node(node, *map(text, values)) for node, values in zip(nodes, found, strict=True) if values[2]]


def _node(node: Node, usage_json: str, profile_json: str, class_json: str) -> views.ClusterNode:
    usage = ResourceUsage.model_validate_json(usage_json) if usage_json else None
    profile: dict[str, Any] = json.loads(profile_json or "{}")
    hardware = profile.get("hardware")
    capability = CapabilityClass.from_canonical(class_json)
    power = power_left(HardwareInfo.model_validate(hardware), usage) if hardware and usage else Power()
    return views.ClusterNode(
        node=node,
        platform=str(profile.get("platform") or ""),
        version=str(profile.get("version") or ""),
        cpu_usage=usage.cpu_percent if usage else None,
        gpu_usage=usage.gpu_percent if usage else None,
        memory_usage=usage.mem_percent if usage else None,
        cpu_power=round(power.cpu, 2),
        gpu_power=round(power.gpu, 2),
        memory_power=round(power.memory, 2),
        last_heartbeat=number(node.seen_ms),
        capabilities=[
            views.ServiceState(service_type=name, ready=name in capability.services) for name in _SERVICES
        ],
        asr=sorted(capability.asr),
        tts=sorted(capability.tts),
    )
