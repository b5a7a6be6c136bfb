"""Whether this process should be started again: its event loop or its sweeps stand still.

Only that: what is wrong with Redis or the broker no new process would mend (`web.readiness` tells of it).
"""

import time

from web.dispatcher import Dispatcher


def why_not_alive(dispatcher: Dispatcher) -> str:
    """Say what stands still, "" for nothing. A process that cannot answer at all says so by its silence."""
    limit_s = dispatcher.settings.health_s
    lag_s = dispatcher.presence.load.worst_lag_s
    if lag_s > limit_s:
        return f"the event loop stood still for {lag_s:.1f} s: something blocks it, or the machine did"
    swept_s = time.monotonic() - dispatcher.sweeper.ended_s
    if swept_s > limit_s:
        return f"no sweep has ended for {swept_s:.1f} s: this process is stuck"
    return ""
