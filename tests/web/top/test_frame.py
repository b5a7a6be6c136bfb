"""What a frame looks like: fits the terminal, needs no colour, and what others wrote cannot steer it."""

from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from web.top.frame import SORTS, View, draw, sorted_by
from web.top.snapshot import Snapshot, Wait


def node(name: str, used: int = 0, why: str = "", **about: Any) -> dict[str, Any]:
    slots = {"most": 4, "used": used, "held": 0, "free": 4 - used}
    record = {"node_id": name, "status": "ready", "why": why, "slots": slots, "seen_ms": 99_000}
    use = {"cpu_usage": 10.0, "gpu_usage": None, "memory_usage": 20.0}
    return use | about | {"node": record | about.get("node", {})}


def snapshot(nodes: int = 3, waits: int = 0, pools: int = 1, webs: int = 1) -> Snapshot:
    by_status = {"registering": 0, "ready": nodes, "degraded": 0, "draining": 1}
    return Snapshot(
        stats={
            "now_ms": 100_000,
            "slots": {"used": 2, "total": 8},
            "nodes": {"ready": nodes, "by_status": by_status},
            "sessions": 5,
            "rooms": 1,
            "waiting": waits,
            "dead": 2,
            "rates": {"done": 12.345, "refused": 0.5},
            "latency_ms": {"job": {"count": 3, "p50": 203.0, "p99": 410.0}},
        },
        cluster={
            "now_ms": 100_000,
            "nodes": [node(f"gpu-{at:03}") for at in range(nodes)],
            "total_nodes": nodes,
            "online_instances": webs,
            "total_instances": webs,
            "instances": [
                {
                    "instance_id": f"web-{at}", "state": "living", "uptime_seconds": 90, "nodes_owned": 1,
                    "sessions_owned": 5, "inbox_length": 0, "version": "0.1.0",
                }
                for at in range(webs)
            ],
        },
        pools={
            "total": pools,
            "pools": [
                {
                    "pool": f"{at:016x}", "kind": "class", "members": 2, "dispatchable": 1, "waiting": 0,
                    "pairs": 3, "sample_pairs": ["en→pt", "pt→en", "en→de"],
                }
                for at in range(pools)
            ],
        },
        process={"workers_seen": {"control": 1, "drain": 2}, "broker": "ok"},
        waits=[Wait(f"en→{at:02}", 3, 4000, "2 capacity_exceeded") for at in range(waits)],
    )  # fmt: skip


def text(shown: Snapshot, view: View, **options: Any) -> str:
    options = {"no_color": True} | options
    console = Console(
        file=StringIO(),
        width=view.width,
        height=view.height,
        highlight=False,
        **options,
    )
    console.print(draw(shown, "http://127.0.0.1:5010", view))
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_everything_is_said_in_words() -> None:
    said = text(snapshot(waits=1), View())
    for words in (
        "127.0.0.1:5010  00:01:40Z",
        "1 web, workers: 1 control, 2 drain, broker ok",
        "slots 2/8 [####............]",
        "3 ready, 1 draining",
        "waiting 1",
        "sessions 5  rooms 1  2 dead letters",
        "done 12.3",
        "refused 0.5",
        "job 203/410",
        "gpu-001",
        "0/4",
        "10%",
        "1.0 s",
        "en→00",
        "2 capacity_exceeded",
        "3 pairs: en→pt, pt→en …",
        "web-0",
        "q quit",
    ):
        assert words in said
    assert "\x1b" not in said


@pytest.mark.parametrize("size", [(80, 24), (80, 12), (120, 50), (60, 24)])
def test_a_large_fleet_fits(size: tuple[int, int]) -> None:
    lines = text(snapshot(nodes=400, waits=30, pools=40, webs=20), View(*size)).splitlines()
    assert len(lines) <= size[1]
    assert max(map(len, lines)) <= size[0]


def test_what_is_left_out_is_counted() -> None:
    said = text(snapshot(nodes=400, waits=30, pools=40, webs=20), View())
    assert "of 400)" in said
    assert "WAIT FOR (" in said
    assert "of 40)" in said
    assert "of 20)" in said


@pytest.mark.parametrize(
    ("order", "first"), [("name", "a"), ("used", "b"), ("cpu", "c"), ("heard", "d"), ("why", "e")]
)
def test_nodes_are_sorted(order: str, first: str) -> None:
    shown = snapshot()
    shown.cluster["nodes"] = [
        node("e", why="draining"),
        node("d", node={"seen_ms": 1}),
        node("c", cpu_usage=99.0),
        node("b", used=4),
        node("a"),
    ]
    sort = next(sort for sort in SORTS if sort.name == order)
    lines = text(shown, View(sort=sort)).splitlines()
    at = next(at for at, line in enumerate(lines) if line.startswith("NODE "))
    assert lines[at + 1].split()[0] == first


def test_a_key_chooses_an_order_and_others_change_nothing() -> None:
    view = sorted_by(View(), "u")
    assert view.sort.name == "used"
    assert sorted_by(view, "?") == view


def test_a_server_that_went_away_is_said_above_what_was_seen_last() -> None:
    said = text(snapshot(), View(trouble="No server answers at x."))
    assert "No server answers at x." in said
    assert "gpu-001" in said


def test_names_of_nodes_cannot_steer_the_terminal() -> None:
    shown = snapshot()
    shown.cluster["nodes"] = [node("a\x1b[2J[red]x")]
    assert "a·[2J[red]x" in text(shown, View())


def test_a_fleet_without_anything_is_drawn_too() -> None:
    shown = snapshot(nodes=0, pools=0, webs=0)
    shown.stats["latency_ms"] = {"job": {"count": 0, "p50": None, "p99": None}}
    shown.stats["slots"] = {"used": 0, "total": 0}
    shown.process["workers_seen"] = {}
    said = text(shown, View())
    assert "none heard" in said
    assert "nothing done yet" in said
    assert "NODE " not in said


def test_in_80_columns_no_head_is_cut_and_a_long_name_shows_that_it_is() -> None:
    """Names were cut at 24 letters without a sign, and the last head in the midst of its word."""
    shown = snapshot(nodes=0)
    draining = node(
        "gpu-of-a-long-name-in-lisbon", node={"status": "registering", "why": "capacity_exceeded"}
    )
    shown.cluster["nodes"].append(draining)
    lines = text(shown, View(80, 24)).splitlines()
    head = next(line for line in lines if line.startswith("NODE"))
    assert head.rstrip().endswith("MEM  HEARD  NO WORK BECAUSE")
    row = next(line for line in lines if line.startswith("gpu-of"))
    assert row.startswith("gpu-of-a-long-name-…  registering")
    assert "capacity_exceeded" in row


def test_in_60_columns_lines_are_folded_and_columns_left_out_not_cut_to_dots() -> None:
    """There the numbers of nodes were dots, and the broker, the refusals and the keys beyond the edge."""
    shown = snapshot(nodes=0)
    shown.cluster["nodes"].append(node("gpu-of-a-long-name-in-lisbon", node={"why": "capacity_exceeded"}))
    said = text(shown, View(60, 24))
    for words in ("broker ok", "refused 0.5", "job 203/410", "every 2 s", "gpu-of-a-long-n…  ready    0/4"):
        assert words in said
    heads = [line.split() for line in said.splitlines()]
    assert ["NODE", "STATUS", "USED", "HEARD", "NO", "WORK", "BECAUSE"] in heads
    assert ["WEB", "PROCESS", "STATE", "UP", "NODES", "SESSIONS"] in heads
