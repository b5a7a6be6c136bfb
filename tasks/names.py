"""Names of tasks and queues; all that the web tier needs to know to publish."""

from typing import Final

CONTROL: Final = "control"
DRAIN: Final = "drain"

ASSIGN_POOLS: Final = "tasks.control.assign_pools"
DRAIN_RESULTS: Final = "tasks.drain.drain_results"

#: A wake-up older than this, s, is void: it only says "look", and is repeated while there is a reason.
EXPIRES_S: Final = 10
