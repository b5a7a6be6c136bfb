"""Commands as they go over the wire."""

from typing import Any

from hiredis import pack_command

from scheduling.scripts import Script
from scheduling.store.base import Parts

_pack: Any = pack_command
"""Its type says a tuple of one."""


def pack(parts: Parts) -> bytes:
    """Give the bytes of one command. Raises `TypeError` for a part that is none of `Part`."""
    packed: bytes = _pack(tuple(parts))
    return packed


def by_digest(script: Script, keys: Parts, args: Parts) -> Parts:
    """Give the command that runs a script the server knows already."""
    return ("EVALSHA", script.sha1, len(keys), *keys, *args)


def in_full(script: Script, packed: bytes) -> bytes:
    """Turn a packed `by_digest` into the command that brings the script along, and so teaches it."""
    digest, source = (
        pack(parts).partition(b"\r\n")[2] for parts in (("EVALSHA", script.sha1), ("EVAL", script.source))
    )
    return packed.replace(digest, source, 1)
