"""What a stack consists of, and the order it goes down in."""

import socket

import pytest

from web.command.errors import PortInUse
from web.command.ports import free_ports
from web.command.process import ProcessSpec
from web.command.stack import StackPlan


def by_name(plan: StackPlan) -> dict[str, ProcessSpec]:
    return {spec.name: spec for spec in plan.specs({"REDIS_URL": "redis://r"})}


def test_web_processes_stand_on_successive_ports_and_the_node_dials_the_last() -> None:
    specs = by_name(StackPlan(first_port=6000, web_processes=3, pipeline="echo"))
    assert [name for name in specs if name.startswith("web")] == ["web-6000", "web-6001", "web-6002"]
    assert specs["web-6001"].command[-4:] == ("--host", "127.0.0.1", "--port", "6001")
    assert "--url=ws://127.0.0.1:6002/ws/node" in specs["node"].command
    assert "--pipeline=echo" in specs["node"].command


def test_a_stack_without_a_node_has_none() -> None:
    assert set(by_name(StackPlan())) == {"web-5010", "worker-control", "worker-drain", "beat", "flower"}


def test_those_who_take_work_stop_before_those_who_do_it() -> None:
    specs = by_name(StackPlan(pipeline="echo"))
    order = sorted(specs, key=lambda name: specs[name].stop.rank)
    assert order == ["node", "web-5010", "beat", "worker-control", "worker-drain", "flower"]


def test_a_stop_takes_less_than_the_30_s_a_platform_gives() -> None:
    ranks = {spec.stop.rank: spec.stop.within_s for spec in by_name(StackPlan(pipeline="echo")).values()}
    valkey_s = 3.0
    assert sum(ranks.values()) + valkey_s < 30.0


def test_nodes_without_a_gpu_are_accepted_unless_the_environment_says_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("REQUIRE_GPU", raising=False)
    assert by_name(StackPlan())["web-5010"].env["REQUIRE_GPU"] == "0"
    monkeypatch.setenv("REQUIRE_GPU", "1")
    assert "REQUIRE_GPU" not in by_name(StackPlan())["web-5010"].env


def test_every_port_is_looked_at_before_anything_starts() -> None:
    first = free_ports(2)
    port = first + 1
    with socket.create_server(("127.0.0.1", port)):
        with pytest.raises(PortInUse, match=rf"{port}.*--port"):
            StackPlan(first_port=first, web_processes=2, flower_port=0).require_ports()
        with pytest.raises(PortInUse, match=rf"{port}.*--flower-port"):
            StackPlan(first_port=0, web_processes=1, flower_port=port).require_ports()


def test_addresses_are_those_this_machine_can_use() -> None:
    plan = StackPlan(host="0.0.0.0")
    assert plan.address(5010, path="/ws/node") == "ws://127.0.0.1:5010/ws/node"
    assert plan.address(5010, "http", "/") == "http://127.0.0.1:5010/"
