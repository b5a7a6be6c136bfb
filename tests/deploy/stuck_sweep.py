"""A web process with a fault: once the file ``stuck`` is in its folder, its sweep never ends.

Nothing outside makes a sweep hang: each of its calls has a time-out. The alert is for a fault like this one.
"""

from web import serve  # isort: skip  # it patches sockets before anything else imports them

from pathlib import Path

import gevent

from web.sweeper import Sweeper

_sweep = Sweeper.sweep


def _sweep_or_hang(sweeper: Sweeper) -> None:
    while Path("stuck").exists():
        gevent.sleep(0.1)
    _sweep(sweeper)


if __name__ == "__main__":
    Sweeper.sweep = _sweep_or_hang  # type: ignore[method-assign]  # the fault
    serve.main()
