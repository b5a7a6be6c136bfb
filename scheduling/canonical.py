"""One text and one short name for each value, however it came about."""

import hashlib
import json
from typing import Any


def canonical_json(value: Any) -> str:
    """Write plain data as compact JSON with sorted keys. Lists keep their order."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def short_id(canonical: str) -> str:
    """Return 16 hex digits of the text's SHA-1: one in 10^9 of a clash among 190,000 names."""
    return hashlib.sha1(canonical.encode(), usedforsecurity=False).hexdigest()[:16]
