"""What each error reply of the server means."""

import pytest

from scheduling.errors import (
    CommandError,
    ScriptError,
    StoreError,
    StoreOutOfMemory,
    StoreReadOnly,
    StoreUnavailable,
)
from scheduling.store.replies import Remedy, error_for, moved_to, remedy_for
from tests.scheduling.store.samples import ECHO

REPLIES = [
    ("NOSCRIPT No matching script.", Remedy.LOAD, ScriptError),
    ("LOADING Valkey is loading the dataset in memory", Remedy.LATER, StoreUnavailable),
    ("BUSY Valkey is busy running a script.", Remedy.LATER, StoreUnavailable),
    ("ASK 3999 127.0.0.1:6381", Remedy.LATER, StoreUnavailable),
    ("TRYAGAIN Multiple keys request during rehashing of slot", Remedy.LATER, StoreUnavailable),
    ("CLUSTERDOWN Hash slot not served", Remedy.LATER, StoreUnavailable),
    ("NOREPLICAS Not enough good replicas to write.", Remedy.LATER, StoreUnavailable),
    ("MISCONF Errors writing to the AOF file", Remedy.LATER, StoreReadOnly),
    ("MOVED 3999 127.0.0.1:6381", Remedy.RECONNECT, StoreUnavailable),
    ("READONLY You can't write against a read only replica.", Remedy.RECONNECT, StoreReadOnly),
    ("MASTERDOWN Link with MASTER is down", Remedy.RECONNECT, StoreUnavailable),
    ("OOM command not allowed when used memory > 'maxmemory'.", Remedy.NONE, StoreOutOfMemory),
    ("ERR unknown command 'X'", Remedy.NONE, ScriptError),
    ("WRONGTYPE Operation against a key", Remedy.NONE, ScriptError),
    ("", Remedy.NONE, ScriptError),
]


@pytest.mark.parametrize(("text", "remedy", "kind"), REPLIES)
def test_each_reply_has_its_remedy_and_its_error(text: str, remedy: Remedy, kind: type[StoreError]) -> None:
    assert remedy_for(text) is remedy
    assert type(error_for(text, ECHO)) is kind
    assert type(error_for(text, None)) is (CommandError if kind is ScriptError else kind)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("MOVED 3999 127.0.0.1:6381", ("127.0.0.1", 6381)),
        ("MOVED 3999 ::1:6381", ("::1", 6381)),
        ("MOVED 3999 :6381", ("", 6381)),
        ("ASK 3999 127.0.0.1:6381", None),
        ("ERR no", None),
    ],
)
def test_only_moved_names_another_server(text: str, address: tuple[str, int] | None) -> None:
    assert moved_to(text) == address
