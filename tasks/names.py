"""Names of tasks and queues; all that the web tier needs to know to publish."""

from typing import Final

#: Short work on pools and deadlines.
CONTROL: Final = "control"
#: Results on their way to clients.
DRAIN: Final = "drain"

ASSIGN_POOLS: Final = "tasks.control.assign_pools"
REFRESH_SNAPSHOT: Final = "tasks.control.refresh_snapshot"
RELOAD_POOLS: Final = "tasks.control.reload_pools"
PRUNE_POOLS: Final = "tasks.control.prune_pools"
SETTLE: Final = "tasks.control.settle"
DRAIN_RESULTS: Final = "tasks.drain.drain_results"
DRAIN_ALL: Final = "tasks.drain.drain_all"

#: A wake-up older than this, s, is void: it only says "look", and is repeated while there is a reason.
EXPIRES_S: Final = 10
