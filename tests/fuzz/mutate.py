"""A mutator that knows JSON: members go, come, change places and become what no client should send."""

import json
import random
from copy import deepcopy
from typing import Any

import atheris

_ODD: tuple[Any, ...] = (
    None, True, "", "0", "\0", "\ud800", "x" * 5000, "🎙", 0, -1, 1.5, 2**31, 2**63, 2**64, -(2**63), 1e308,
    float("nan"), float("inf"), [], {}, [[]], [None] * 100, {"": 0}, {"type": "utterance"},
)  # fmt: skip
#: Every third time bytes are changed as libFuzzer likes: what is no JSON must be met as well.
_BYTES = 3


def mutate_json(data: bytes, max_size: int, seed: int) -> bytes:
    """Give a changed message of `max_size` bytes at most."""
    source = random.Random(seed)
    try:
        message = json.loads(data) if source.randrange(_BYTES) else None
    except ValueError:
        message = None
    if not isinstance(message, dict) or not message:
        return bytes(atheris.Mutate(data, max_size))
    for _ in range(source.randint(1, 3)):
        _change(message, source)
    changed = json.dumps(message, ensure_ascii=source.random() < 0.5).encode(errors="surrogatepass")
    return changed[:max_size]


def _change(message: dict[str, Any], source: random.Random) -> None:
    owner = source.choice(list(_objects(message)))
    name = source.choice([*owner, "extra"])
    kind = source.randrange(4)
    if kind == 0:
        owner.pop(name, None)
    elif kind == 1:
        owner[name] = deepcopy(source.choice(_ODD))
    elif kind == 2:
        owner[name] = deepcopy(source.choice([*message.values(), "x"]))
    elif isinstance(owner.get(name), str):
        owner[name] = owner[name][: source.randrange(1 + len(owner[name]))]
    else:
        owner[name] = [deepcopy(owner.get(name))] * source.choice((1, 2, 50))


def _objects(value: Any) -> list[dict[str, Any]]:
    """Give every object inside, the outermost first."""
    if isinstance(value, dict):
        return [value, *(inner for each in value.values() for inner in _objects(each))]
    if isinstance(value, list):
        return [inner for each in value for inner in _objects(each)]
    return []
