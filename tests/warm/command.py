"""``speech-dispatch`` where everything it may need is imported, Celery's worker and beat too."""

import sys
from importlib import import_module
from typing import NoReturn

from celery.__main__ import main as celery

from scheduling import scripts
from web.command import main as command
from web.command import services

#: In the order in which a worker imports them.
_MODULES = (
    "celery.apps.beat", "celery.apps.worker", "celery.bin.celery",
    "celery.concurrency.prefork", "celery.worker.consumer.consumer", "celery.worker.worker",
    "kombu.transport.redis", "tasks.beat", "tasks.configuration", "tasks.metering",
    "agent.link", "agent.node", "agent.output", "agent.pipelines.echo", "agent.pipelines.lookup", "agent.say",
    "agent.typed", "scheduling.drain", "scheduling.pooling", "scheduling.pool_watch",
)  # fmt: skip
for _name in (*_MODULES, *{each.module for each in command._SUBCOMMANDS.values()}):
    import_module(_name)

scripts.load_all()
_become = services._become


def main() -> int:
    """Do what the words of the command line say."""
    services._become = _go_on_as
    return command.main()


def _go_on_as(command: tuple[str, ...]) -> NoReturn:
    """Go on as Celery, or as what is not imported here: `exec` would import Celery again."""
    if command[1:3] != ("-m", "celery") or "flower" in command:
        _become(command)
    sys.argv = list(command[2:])
    sys.exit(celery())
