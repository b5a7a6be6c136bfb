"""Everything that can go wrong between us and the shared state.

    DispatchError
    └── StoreError              asking Redis/Valkey failed
        ├── StoreUnavailable    not connected, still loading its data, or the connection was lost
        ├── StoreTimeout        asked, and no answer in time
        ├── StoreBusy           too much is waiting for an answer already: not asked at all
        ├── StoreReadOnly       it takes no writes: a replica, or it cannot write its file
        ├── StoreOutOfMemory    it is full (``maxmemory``, ``noeviction``)
        ├── CommandError        it refused a plain command
        └── ScriptError         a Lua script of ours failed: a bug of ours

After `StoreUnavailable` and `StoreTimeout` it is not known whether the operation took place. Every
script may be run twice without a second effect, so asking again is always right.
"""


class DispatchError(Exception):
    """The root: whatever this project raises by itself about the shared state."""


class StoreError(DispatchError):
    """Asking the store failed; raised as one of its kinds."""


class StoreUnavailable(StoreError):
    """The store could not be reached, or was not ready, until the call's time was over."""


class StoreTimeout(StoreError):
    """The store was asked and did not answer within the call's time."""


class StoreBusy(StoreError):
    """As many calls as allowed are waiting already; raised at once, nothing was sent."""


class StoreReadOnly(StoreError):
    """The store refused to write until the call's time was over."""


class StoreOutOfMemory(StoreError):
    """The store has no memory for a write; raised at once, nothing was written by that command."""


class CommandError(StoreError):
    """The store refused a plain command: wrong type, unknown name, no permission."""


class ScriptError(StoreError):
    """A script failed or does not compile; the text names the script and the line of its file."""

    def __init__(self, script: str, text: str) -> None:
        super().__init__(f"{script}: {text}")
        self.script = script
        """The name of the script, as in ``lua/<name>.lua``."""
