"""`speech-dispatch simulate`: how well jobs are placed, by the product's own scripts under virtual time."""

import json
import sys
import tempfile
import time
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

from scheduling.errors import DispatchError
from scheduling.settings import SettingsError
from scheduling.simulation.cell import NodeNotReady
from scheduling.simulation.experiment import SCENARIOS, Experiment
from scheduling.simulation.fleet import NoSuchFleet
from scheduling.simulation.plots import Curves, plot
from scheduling.simulation.policies import CHOICES
from scheduling.simulation.report import figures, table
from scheduling.simulation.study import Laboratory, Outcome
from scheduling.simulation.summary import Sample
from scheduling.store.plain import PlainStore
from web.command import redis_url
from web.command.console import Console
from web.command.embedded import EmbeddedValkey
from web.command.errors import CommandError, SimulationFailed
from web.command.progress import bar
from web.command.stack import valkey_spec
from web.command.supervisor import Supervisor

#: Loads of the second plot, and how many seeds each is given.
_LOADS = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95)
_SWEEP_SEEDS = 2
#: A server works on one core; two share the seeds.
_SERVERS = 2
_INTERRUPTED = 130
_DEFAULT = Experiment()


def add_simulate_arguments(parser: ArgumentParser) -> None:
    """Declare the options of `simulate`."""
    parser.epilog = (
        "Starts Valkey servers of its own unless REDIS_URL names one; there it works in cells of its own, "
        "which it deletes. Waits are given in mean services. See docs/placement.md."
    )
    parser.add_argument("--nodes", type=_count, default=_DEFAULT.nodes, help="nodes (default %(default)s)")
    parser.add_argument(
        "--slots", type=_count, default=_DEFAULT.slots, help="slots of each node (default %(default)s)"
    )
    parser.add_argument(
        "--rho",
        type=_load,
        default=_DEFAULT.rho,
        help="load: work asked for per work that can be done (default %(default)s)",
    )
    parser.add_argument(
        "--seeds", type=_count, default=len(_DEFAULT.seeds), help="independent runs (default %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=1, help="the first of them (default %(default)s)")
    parser.add_argument("--jobs", type=_jobs, default=_DEFAULT.jobs, help="jobs a seed (default %(default)s)")
    parser.add_argument(
        "--scenario",
        choices=SCENARIOS,
        default=_DEFAULT.scenario,
        metavar="NAME",
        help=f"what is simulated: {', '.join(SCENARIOS)} (default %(default)s)",
    )
    parser.add_argument(
        "--policies",
        type=_policies,
        default=tuple(CHOICES),
        metavar="A,B",
        help=f"dispatchers to compare with: {', '.join(CHOICES)}, or none (default: all)",
    )
    parser.add_argument(
        "--cv",
        type=_positive,
        default=_DEFAULT.cv,
        help="variation of the service time with --scenario lognormal (default %(default)s)",
    )
    parser.add_argument(
        "--service-ms",
        type=_positive,
        default=_DEFAULT.service_ms,
        metavar="MS",
        help="mean service on the ledger's clock, ms (default %(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the JSON to a file as well")
    parser.add_argument(
        "--plot", type=Path, metavar="FILE.png", help="draw waits and a sweep over loads (takes longer)"
    )


def run_simulate(args: Namespace) -> int:
    """Simulate, print the figures, write what files were asked for."""
    experiment = Experiment(
        nodes=args.nodes,
        slots=args.slots,
        rho=args.rho,
        jobs=args.jobs,
        seeds=tuple(range(args.seed, args.seed + args.seeds)),
        scenario=args.scenario,
        policies=args.policies,
        cv=args.cv,
        service_ms=args.service_ms,
    )
    _require_files(args.plot, args.out)
    try:
        with _servers() as servers:
            began_s = time.monotonic()
            outcome = servers.study(experiment)
            elapsed_s = time.monotonic() - began_s
            curves = _sweep(servers, experiment) if args.plot else {}
    except _Interrupted:
        return _INTERRUPTED
    except (DispatchError, SettingsError, NoSuchFleet, NodeNotReady) as error:
        raise SimulationFailed(f"The simulation failed: {error}") from error
    found = figures(experiment, outcome, elapsed_s)
    text = json.dumps(found)
    if args.out:
        args.out.write_text(text + "\n", encoding="utf-8")
    if args.plot:
        plot(args.plot, experiment, outcome, curves)
    print(text if args.json else table(found), flush=True)
    return 0


class _Interrupted(Exception):
    """A signal asked for the end."""


@dataclass(frozen=True, slots=True)
class _Servers:
    """Where the scripts run, and how to wait while they do."""

    laboratory: Laboratory
    watch: Callable[[Callable[[], bool]], bool]
    """Waits until something holds; False when asked to stop before."""

    def study(self, experiment: Experiment) -> Outcome:
        """Carry out an experiment. Raises `_Interrupted`."""
        study = self.laboratory.begin(experiment)
        with bar(f"load {experiment.rho:g}", study.parts) as show:

            def ended() -> bool:
                show(study.parts_done)
                return study.done

            if not self.watch(ended):
                raise _Interrupted
        return study.outcome()


@contextmanager
def _servers() -> Iterator[_Servers]:
    """Give the server `REDIS_URL` names, which must answer, or else embedded ones."""
    url = redis_url.given()
    if url is not None:
        redis_url.require_answer(url)
        with Laboratory((url,)) as laboratory:
            yield _Servers(laboratory, _wait)
        return
    with ExitStack() as ends:
        folder = Path(ends.enter_context(tempfile.TemporaryDirectory(prefix="speech-dispatch-simulate-")))
        servers = [EmbeddedValkey(folder / str(number)) for number in range(_SERVERS)]
        for server in servers:
            ends.callback(server.close)
        specs = [replace(valkey_spec(server), name=f"valkey-{n}") for n, server in enumerate(servers)]
        console = Console(
            sys.stderr, speaker="simulate", names=tuple(spec.name for spec in specs), quiet=True
        )
        stack = ends.enter_context(Supervisor(specs, console))
        if not stack.start():
            raise _Interrupted
        for server in servers:
            _keep_in_memory(server.url)
        laboratory = ends.enter_context(Laboratory([server.url for server in servers]))
        yield _Servers(laboratory, stack.watch)


def _wait(until: Callable[[], bool]) -> bool:
    while not until():
        time.sleep(0.1)
    return True


def _keep_in_memory(url: str) -> None:
    """Spare the disk: nothing of a simulation is worth keeping."""
    with PlainStore(url) as store:
        store.command("CONFIG", "SET", "appendonly", "no")


def _sweep(servers: _Servers, experiment: Experiment) -> Curves:
    """Give the p99 of each policy at several loads, from fewer seeds."""
    curves: dict[str, dict[float, float]] = {}
    for load in _LOADS:
        point = replace(experiment, rho=load, seeds=experiment.seeds[:_SWEEP_SEEDS])
        outcome = servers.study(point)
        for policy in outcome.waits:
            curves.setdefault(policy, {})[load] = Sample(outcome.samples(policy)).quantile(0.99)
        if point.theory is not None:
            curves.setdefault("Erlang C", {})[load] = point.theory.quantile(0.99)
    return curves


def _require_files(picture: Path | None, out: Path | None) -> None:
    """Find out before minutes of work whether its results can be written."""
    if picture is not None and find_spec("matplotlib") is None:
        raise CommandError("--plot needs matplotlib: pip install 'speech-dispatch[simulate]'.")
    if picture is not None and picture.suffix != ".png":
        raise CommandError(f"--plot writes a PNG file, so {picture} must end in .png.")
    for path in (picture, out):
        if path is not None and not path.absolute().parent.is_dir():
            raise CommandError(f"There is no folder {path.parent} to write {path.name} in.")


def _count(text: str) -> int:
    number = int(text) if text.isdecimal() else 0
    if number < 1:
        raise ArgumentTypeError(f"{text} is no whole number from 1 on")
    return number


def _jobs(text: str) -> int:
    number = _count(text)
    if number < 100:
        raise ArgumentTypeError("fewer than 100 jobs a seed say nothing")
    return number


def _positive(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise ArgumentTypeError(f"{text} is no number above 0")
    return number


def _load(text: str) -> float:
    number = _positive(text)
    if number >= 1:
        raise ArgumentTypeError(f"with a load of {text} the queue grows for ever; give one below 1")
    return number


def _policies(text: str) -> tuple[str, ...]:
    names = () if text == "none" else tuple(dict.fromkeys(text.split(",")))
    for name in names:
        if name not in CHOICES:
            raise ArgumentTypeError(f"{name!r} is no policy: choose among {', '.join(CHOICES)}")
    return names
