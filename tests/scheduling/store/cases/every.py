"""All cases of the batched store."""

from tests.scheduling.store.cases import batching, random_calls  # noqa: F401  # they register theirs
from tests.scheduling.store.cases.registry import CASES, run

__all__ = ["CASES", "run"]
