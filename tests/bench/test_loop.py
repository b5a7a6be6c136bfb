"""The event loop of the load generators."""

import os
import signal
import time
from subprocess import Popen

from bench.load.loop import Loop


def test_a_signal_ends_it_though_its_next_timer_is_far_away() -> None:
    """A generator that was asked to end went on until its next heartbeat: 5 s, thirty times in a run."""
    loop, kills = Loop(), []
    former = signal.signal(signal.SIGUSR1, lambda *_: loop.stop())
    try:
        loop.at(time.monotonic() + 3600, loop.stop)
        loop.at(time.monotonic(), lambda: kills.append(Popen(["kill", "-USR1", str(os.getpid())])))
        loop.run()
        assert [kill.wait() for kill in kills] == [0]
    finally:
        signal.signal(signal.SIGUSR1, former)
    loop.run_until(lambda: True, 1, "a loop that was ended may run again")
    loop.at(time.monotonic() + 0.01, loop.stop)
    loop.run()
