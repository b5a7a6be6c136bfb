"""The processes that `up` and `demo` run, and the order they start and stop in."""

import os
import re
from argparse import ArgumentParser
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from web.command.embedded import EmbeddedValkey
from web.command.ports import LOOPBACK, answers, reachable, require_free
from web.command.process import ProcessSpec, Stop
from web.command.services import QUEUES, this_command

WEB_PORT = 5010
FLOWER_PORT = 5555

#: Started in this order, each rank when the one before is ready; Valkey, which has none, is the first.
_SERVICES, _NODE = 1, 2
#: Those who take work stop before those who do it, and those who ask Valkey before Valkey; 27 s at most,
#: because platforms and people alike lose patience after 30.
_STOPS = {
    "node": Stop(0, 7.0),
    "web": Stop(1, 10.0),
    "beat": Stop(2, 2.0),
    "worker": Stop(3, 5.0),
    "flower": Stop(3, 5.0),
    "valkey": Stop(4, 3.0),
}
#: For the processes of a stack, unless the environment has them. The node of the stack runs without a GPU,
#: on the CPUs that all the others use as well, so their load says nothing about it. As it stops first, web
#: processes have little to wait for.
_DEFAULTS = {
    "LOG_FORMAT": "text",
    "REQUIRE_GPU": "0",
    "RESOURCE_THRESHOLD": "100",
    "SHUTDOWN_S": "5",
    "RESTART_SPREAD_S": "2",
}

_WORKER_READY = re.compile(r"@\S+ ready\b")
_BEAT_READY = re.compile(r"beat: Starting")
_NODE_READY = re.compile(r"sees this node as ready")


@dataclass(frozen=True, slots=True, kw_only=True)
class StackPlan:
    """What a stack consists of."""

    host: str = LOOPBACK
    first_port: int = WEB_PORT
    web_processes: int = 1
    flower_port: int = FLOWER_PORT
    pipeline: str | None = None
    """Of the speech node; None for no node."""

    @property
    def web_ports(self) -> range:
        """The ports of the web processes."""
        return range(self.first_port, self.first_port + self.web_processes)

    @property
    def node_port(self) -> int:
        """The web process the node dials: the last, so that with two of them every job crosses instances."""
        return self.web_ports[-1]

    def address(self, port: int, scheme: str = "ws", path: str = "") -> str:
        """Give the URL of a web process, as seen from this machine."""
        return f"{scheme}://{reachable(self.host)}:{port}{path}"

    def require_ports(self) -> None:
        """Raise `PortInUse` if one of the ports is taken."""
        for port in self.web_ports:
            require_free(self.host, port, "a web process", "--port")
        require_free(LOOPBACK, self.flower_port, "Flower", "--flower-port")

    def specs(self, env: Mapping[str, str]) -> list[ProcessSpec]:
        """Describe all processes but Valkey; `env` names the Redis they share."""
        env = {name: value for name, value in _DEFAULTS.items() if name not in os.environ} | dict(env)
        services = [
            *(self._web(port, env) for port in self.web_ports),
            *_workers(env),
            _beat(env),
            self._flower(env),
        ]
        return services if self.pipeline is None else [*services, self._node(self.pipeline, env)]

    def _web(self, port: int, env: Mapping[str, str]) -> ProcessSpec:
        return ProcessSpec(
            name=f"web-{port}",
            command=this_command("web", "--host", self.host, "--port", str(port)),
            env=env,
            start_rank=_SERVICES,
            ready_probe=partial(answers, reachable(self.host), port, "/ready"),
            stop=_STOPS["web"],
        )

    def _flower(self, env: Mapping[str, str]) -> ProcessSpec:
        return ProcessSpec(
            name="flower",
            command=this_command("flower", "--port", str(self.flower_port)),
            env=env,
            start_rank=_SERVICES,
            ready_probe=partial(answers, LOOPBACK, self.flower_port, "/healthcheck"),
            stop=_STOPS["flower"],
        )

    def _node(self, pipeline: str, env: Mapping[str, str]) -> ProcessSpec:
        url = self.address(self.node_port, path="/ws/node")
        drain_s = _STOPS["node"].within_s - 2
        return ProcessSpec(
            name="node",
            command=this_command("node", f"--pipeline={pipeline}", f"--url={url}", f"--drain-s={drain_s:g}"),
            env=env,
            start_rank=_NODE,
            ready_line=_NODE_READY,
            stop=_STOPS["node"],
        )


def valkey_spec(valkey: EmbeddedValkey) -> ProcessSpec:
    """Describe the embedded server's process, which starts first and stops last."""
    return valkey.spec(_STOPS["valkey"])


def add_port_arguments(parser: ArgumentParser) -> None:
    """Declare the options that move a stack to other ports."""
    parser.add_argument(
        "--port", type=int, default=WEB_PORT, help="port of the first web process (default %(default)s)"
    )
    parser.add_argument(
        "--flower-port",
        type=int,
        default=FLOWER_PORT,
        metavar="PORT",
        help="port of Flower (default %(default)s)",
    )


def data_dir() -> Path:
    """Give the folder for what a stack keeps: `$DATA_DIR`, or `data` where it is started."""
    return Path(os.environ.get("DATA_DIR") or "data")


def _workers(env: Mapping[str, str]) -> list[ProcessSpec]:
    return [
        ProcessSpec(
            name=f"worker-{queue}",
            command=this_command("worker", "--queue", queue),
            env=env,
            start_rank=_SERVICES,
            ready_line=_WORKER_READY,
            stop=_STOPS["worker"],
        )
        for queue in QUEUES
    ]


def _beat(env: Mapping[str, str]) -> ProcessSpec:
    return ProcessSpec(
        name="beat",
        command=this_command("beat"),
        env=env,
        start_rank=_SERVICES,
        ready_line=_BEAT_READY,
        stop=_STOPS["beat"],
    )
