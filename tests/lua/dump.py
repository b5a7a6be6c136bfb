"""Everything a server holds, read in one step, as plain Python values to compare and to reason about."""

from dataclasses import dataclass
from typing import Any

from scheduling.store.base import Store

_READ = """
local all = {}
for _, key in ipairs(redis.call('KEYS', '*')) do
  local kind = redis.call('TYPE', key).ok
  local content
  if kind == 'hash' then
    content = redis.call('HGETALL', key)
  elseif kind == 'zset' then
    content = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')
  elseif kind == 'set' then
    content = redis.call('SMEMBERS', key)
  elseif kind == 'stream' then
    content = redis.call('XRANGE', key, '-', '+')
  else
    content = redis.call('GET', key)
  end
  all[#all + 1] = {key, kind, redis.call('PTTL', key) >= 0 and 1 or 0, content}
end
return all
"""


@dataclass(frozen=True)
class Dump:
    """Contents by key, without the cell's prefix; a missing key reads as empty."""

    content: dict[str, Any]
    mortal: frozenset[str]
    """Keys that have a time to live."""

    def hash(self, key: str) -> dict[str, str]:
        value: dict[str, str] = self.content.get(key, {})
        return value

    def scores(self, key: str) -> dict[str, float]:
        value: dict[str, float] = self.content.get(key, {})
        return value

    def members(self, key: str) -> set[str]:
        value: set[str] = self.content.get(key, set())
        return value

    def entries(self, key: str) -> list[dict[str, str]]:
        return [fields for _, fields in self.content.get(key, [])]

    def named(self, kind: str) -> list[str]:
        """Names of the keys ``kind:NAME``."""
        return [key.removeprefix(f"{kind}:") for key in self.content if key.startswith(f"{kind}:")]


def dump(store: Store, prefix: str) -> Dump:
    """Read all keys; the order of what has no order, and the time left to live, are not part of it."""
    rows = store.command("EVAL", _READ, 0)
    content = {_name(key, prefix): _content(kind.decode(), raw) for key, kind, _, raw in rows}
    return Dump(content, frozenset(_name(key, prefix) for key, _, mortal, _ in rows if mortal))


def _name(key: bytes, prefix: str) -> str:
    return key.decode().removeprefix(prefix)


def _content(kind: str, raw: Any) -> Any:
    if kind == "hash":
        return _pairs(raw)
    if kind == "zset":
        return {member: float(score) for member, score in _pairs(raw).items()}
    if kind == "set":
        return {_text(member) for member in raw}
    if kind == "stream":
        return [(_text(entry_id), _pairs(fields)) for entry_id, fields in raw]
    return _text(raw)


def _pairs(raw: list[bytes]) -> dict[str, str]:
    return {_text(name): _text(value) for name, value in zip(raw[::2], raw[1::2], strict=True)}


def _text(value: bytes) -> str:
    return value.decode("utf-8", "surrogateescape")
