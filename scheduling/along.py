"""Audio or speech that a script of the ledger stores while it does something else."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Along:
    """A body, and what a script must be given to store it."""

    name: str
    keys: tuple[str, str]
    """The index of all bodies, and the body."""
    args: tuple[str, int, int]
    """Base64 text, how long it is kept at most (ms), and the bytes that bodies may take in all."""
