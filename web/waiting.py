"""Waiting for a socket to be readable or writable, with a time-out and a way to be woken."""

from __future__ import annotations

from typing import TYPE_CHECKING

import gevent

if TYPE_CHECKING:
    from gevent._types import _IoWatcher as Watcher
    from gevent.hub import Hub

#: What a watcher of the loop (`loop.io(fd, events)`) looks for.
READABLE, WRITABLE = 1, 2


class Woken(Exception):
    """Thrown into a greenlet that waits, because what it waits for no longer matters."""


def wait_for(hub: Hub, watcher: Watcher, timeout_s: float | None) -> bool:
    """Wait until the watcher fires; False when the time is over first, or `wake` was called."""
    timer = gevent.Timeout.start_new(timeout_s) if timeout_s is not None else None
    try:
        hub.wait(watcher)
    except Woken:
        return False
    except gevent.Timeout as timeout:
        if timeout is not timer:
            raise
        return False
    finally:
        if timer is not None:
            timer.close()
    return True


def wake(hub: Hub, watcher: Watcher) -> None:
    """End another greenlet's `wait_for` on this watcher, if there is one."""
    hub.cancel_wait(watcher, Woken)
