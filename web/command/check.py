"""`speech-dispatch check web|worker`: whether processes live, for the probes of systemd and Kubernetes.

Exit code 0: they live, or nothing can be known of them and a restart would not help; 1: start them again.
"""

import socket
import sys
import urllib.error
import urllib.request
from argparse import ArgumentParser, Namespace

from scheduling.errors import StoreError
from scheduling.ledger import Ledger
from scheduling.settings import SettingsError, get_settings
from scheduling.store.plain import PlainStore
from tasks.configuration import make_app
from tasks.names import CONTROL, DRAIN
from tasks.probe import Verdict, check_workers
from web.command.errors import USAGE, CommandError
from web.command.operator_client import default_url

_QUEUES = (CONTROL, DRAIN)


class _BadSettings(CommandError):
    exit_code = USAGE


def add_check_arguments(parser: ArgumentParser) -> None:
    """Declare what may be checked."""
    kinds = parser.add_subparsers(dest="kind", metavar="web|worker", required=True)
    web = kinds.add_parser(
        "web", help="a web process, by GET /health", description="Whether a web process lives."
    )
    web.add_argument("--url", default=default_url(), help="its address (default %(default)s)")
    web.add_argument(
        "--within-s", type=float, default=5.0, metavar="S", help="it must answer within S seconds (default 5)"
    )
    worker = kinds.add_parser(
        "worker", help="the Celery workers of this host", description="Whether workers live and take tasks."
    )
    worker.add_argument(
        "--queue", choices=(*_QUEUES, "all"), default="all", help="which of them (default all)"
    )
    worker.add_argument(
        "--host", default=socket.gethostname(), help="of which host (default this one; '' for all)"
    )
    worker.add_argument(
        "--idle-s",
        type=float,
        default=60.0,
        metavar="S",
        help="who took no task for S seconds is sent one (default 60)",
    )
    worker.add_argument(
        "--within-s",
        type=float,
        default=10.0,
        metavar="S",
        help="and must take it within S seconds (default 10)",
    )


def run_check(args: Namespace) -> int:
    """Check; tell it in a line."""
    return _check_web(args) if args.kind == "web" else _check_workers(args)


def _check_web(args: Namespace) -> int:
    try:
        with urllib.request.urlopen(f"{args.url.rstrip('/')}/health", timeout=args.within_s):
            pass
    except urllib.error.HTTPError as error:
        with error:
            return _say(f"not healthy: {error.read(500).decode(errors='replace').strip()}", 1)
    except (OSError, ValueError) as error:
        return _say(f"no answer from {args.url}: {getattr(error, 'reason', error)}", 1)
    return _say("healthy", 0)


def _check_workers(args: Namespace) -> int:
    try:
        settings = get_settings()
    except SettingsError as error:
        raise _BadSettings(f"Wrong setting in the environment: {error}") from error
    queues = _QUEUES if args.queue == "all" else (args.queue,)
    with PlainStore(settings.redis_url, timeout_s=settings.store_timeout_s) as store:
        cell = Ledger(store, settings).cell
        try:
            verdict = check_workers(
                cell, make_app(settings), queues, args.host, idle_s=args.idle_s, within_s=args.within_s
            )
        except StoreError as error:
            return _say(f"nothing is known of workers, as Redis does not answer: {error}", 0)
        except Exception as error:  # noqa: BLE001  # brokers raise whatever their client raises
            return _say(f"nothing is known of workers, as their broker does not answer: {error}", 0)
    return _say(_words(verdict), 0 if verdict.is_well else 1)


def _words(verdict: Verdict) -> str:
    parts = [f"{name} takes no task" for name in verdict.stuck]
    parts += [f"no worker for {queue} is heard" for queue in verdict.missing]
    parts += [f"{name} lives" for name in verdict.alive]
    return "; ".join(parts)


def _say(words: str, code: int) -> int:
    print(words, file=sys.stderr if code else sys.stdout, flush=True)
    return code
