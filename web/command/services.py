"""The commands `web`, `worker`, `beat` and `flower`: one kind of process each, as a Procfile starts them.

All but `worker` replace themselves by the server they start, so that signals reach it without a middleman.
"""

import os
import resource
import sys
from argparse import ArgumentParser, Namespace
from typing import NoReturn

from scheduling.credentials import BadCredentials
from scheduling.credentials.source import require_closed
from scheduling.ledger.codes import SchemaMismatch
from scheduling.ledger.layout import require_layout
from scheduling.settings import Settings, SettingsError, get_settings
from tasks.names import CONTROL, DRAIN
from web.command import redis_url
from web.command.console import Console
from web.command.errors import USAGE, CommandError
from web.command.ports import LOOPBACK, is_loopback, require_free
from web.command.process import ProcessSpec, Stop
from web.command.supervisor import Supervisor
from web.doctor.machine import OTHER_FILES

QUEUES = (CONTROL, DRAIN)
#: Tasks end by themselves within drain_ms, so who is not gone by then hangs, s; it holds nothing that another
#: worker does not take up, and platforms kill after 30 s without asking.
_TASKS_END_S = 20.0
#: Quiet is without the banner: the log says what is connected and ready all the same.
_CELERY = (sys.executable, "-m", "celery", "--quiet", "-A", "tasks.app:app")
#: Flower keeps what it saw in memory: so many tasks, and the workers that left within so many seconds.
_FLOWER_MEMORY = ("--max_tasks=10000", "--purge_offline_workers=3600")


class _BadSettings(CommandError):
    exit_code = USAGE


def add_web_arguments(parser: ArgumentParser) -> None:
    """Declare the options of `web`."""
    parser.add_argument(
        "--host",
        default=os.environ.get("HOST") or LOOPBACK,
        help="address to listen on; default $HOST or %(default)s",
    )
    parser.add_argument(
        "--port",
        type=int,
        default=os.environ.get("PORT") or "5010",
        help="port to listen on; default $PORT or 5010",
    )


def run_web(args: Namespace) -> NoReturn:
    """Become the web server."""
    settings = _require_settings("web")
    require_closed_to_strangers(settings, args.host)
    _allow_sockets(settings.max_connections)
    require_free(args.host, args.port, "the web process", "--port")
    os.environ |= {"HOST": args.host, "PORT": str(args.port)}
    _become((sys.executable, "-m", "web.serve"))


def add_worker_arguments(parser: ArgumentParser) -> None:
    """Declare the options of `worker`."""
    parser.add_argument(
        "--queue",
        choices=(*QUEUES, "all"),
        default="all",
        help="which queue to work on; all (the default) runs a process for each, so that a flood of results "
        "never delays control work",
    )
    parser.add_argument(
        "--concurrency",
        type=int,
        default=2,
        metavar="N",
        help="tasks at once per queue (default %(default)s)",
    )


def run_worker(args: Namespace) -> int:
    """Become the Celery worker of one queue, or keep those of all queues running until one ends."""
    _require_layout(_require_settings("worker"))
    if args.queue != "all":
        _become(_worker_command(args.queue, args.concurrency))
    console = Console(sys.stdout, speaker="worker", names=QUEUES)
    # SIGTERM lets running tasks finish; a second one kills.
    specs = [
        ProcessSpec(
            name=queue,
            command=(*this_command("worker"), "--queue", queue, "--concurrency", str(args.concurrency)),
            stop=Stop(within_s=_TASKS_END_S),
            restarts=False,
        )
        for queue in QUEUES
    ]
    with Supervisor(specs, console) as workers:
        if workers.start():
            workers.watch()
    return 0


def add_beat_arguments(parser: ArgumentParser) -> None:
    """Declare the options of `beat`: it has none."""


def run_beat(args: Namespace) -> NoReturn:
    """Become Celery's scheduler of periodic tasks."""
    _require_layout(_require_settings("beat"))
    _become((*_CELERY, "beat", "--loglevel", "INFO"))


def add_flower_arguments(parser: ArgumentParser) -> None:
    """Declare the options of `flower`."""
    parser.add_argument("--host", default=LOOPBACK, help="address to listen on (default %(default)s)")
    parser.add_argument(
        "--port",
        type=int,
        default=os.environ.get("PORT") or "5555",
        help="port to listen on; default $PORT or 5555",
    )


def run_flower(args: Namespace) -> NoReturn:
    """Become Flower."""
    _require_settings("flower")
    _require_authentication(args.host)
    require_free(args.host, args.port, "Flower", "--port")
    _become((*_CELERY, "flower", f"--address={args.host}", f"--port={args.port}", *_FLOWER_MEMORY))


def this_command(*arguments: str) -> tuple[str, ...]:
    """Give the command line that runs `speech-dispatch` with these arguments in this interpreter."""
    return (sys.executable, "-m", "web.command", *arguments)


def _worker_command(queue: str, concurrency: int) -> tuple[str, ...]:
    # Gossip and mingle are talk between workers of no use to ours; mingle alone delays the start by 1 s.
    return (
        *_CELERY, "worker", "--queues", queue, "--hostname", f"{queue}@%h-{os.getpid()}", "--pool", "prefork",
        "--concurrency", str(concurrency), "--task-events", "--without-gossip", "--without-mingle",
        "--loglevel", "INFO",
    )  # fmt: skip


def _require_layout(settings: Settings) -> None:
    """Refuse a ledger that this version must not touch."""
    try:
        require_layout(settings)
    except SchemaMismatch as error:
        raise CommandError(f"{error}.") from error


def _require_settings(command: str) -> Settings:
    """Refuse settings that cannot work: with a sentence here instead of a traceback later."""
    redis_url.require(command)
    try:
        return get_settings()
    except SettingsError as error:
        raise _BadSettings(f"Wrong setting in the environment: {error}") from error


def require_closed_to_strangers(settings: Settings, host: str) -> None:
    """Refuse to listen where strangers could enter, and credentials that cannot be read."""
    try:
        require_closed(settings, host)
    except BadCredentials as error:
        raise _BadSettings(str(error)) from error


def _allow_sockets(count: int) -> None:
    """Raise the limit of open files, often 1024, to what as many sockets need; warn when it stays less."""
    wanted = count + OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
        if allowed < wanted:
            print(
                f"Warning: this process may open {allowed} files, too few for MAX_CONNECTIONS={count}; "
                f"raise the hard limit (ulimit -Hn) or lower the setting.",
                file=sys.stderr,
            )


def _require_authentication(host: str) -> None:
    """Flower shows every task and can revoke them: not for strangers."""
    stated = os.environ.get("FLOWER_BASIC_AUTH", "")
    logins = [login.partition(":") for login in stated.split(",")]
    if all(user and password for user, _, password in logins):
        return
    if stated:
        raise _BadSettings("FLOWER_BASIC_AUTH must be user:password, or several of them with commas between.")
    if not is_loopback(host) and not os.environ.get("FLOWER_AUTH"):
        raise _BadSettings(
            f"Flower on {host} would be open to the network: set FLOWER_BASIC_AUTH=user:password first, "
            f"or leave --host out."
        )


def _become(command: tuple[str, ...]) -> NoReturn:
    sys.stdout.flush()
    os.execv(command[0], command)
