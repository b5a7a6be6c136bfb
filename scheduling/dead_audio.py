"""The audio of jobs that failed: a dead letter's is kept for a while, any other goes at once."""

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from scheduling.bodies import Bodies
from scheduling.errors import StoreError
from scheduling.ledger import Ledger
from scheduling.ledger.cell import text

_log = logging.getLogger(__name__)

_TRIMMED_AT_ONCE = 64


def settle_audio(ledger: Ledger, bodies: Bodies, records: Iterable[Mapping[str, Any]]) -> None:
    """Keep or drop the audio of ended jobs, by their records (fields as bytes); may be done twice.

    Bodies lapse by themselves, so a server of bodies that cannot be reached holds up no result.
    """
    failed = [record for record in records if record["state"] in (b"failed", b"cancelled")]
    dead = [text(record["audio"]) for record in failed if record["dead"]]
    try:
        useless = [text(record["audio"]) for record in failed if not record["dead"]]
        if dead:
            useless += [name for name in dead if not _keep(ledger, bodies, name)]
            _drop_trimmed(ledger, bodies)
        if useless:
            bodies.drop_all(useless)
    except StoreError as error:
        _log.warning("audio of jobs that failed is left to lapse: %s", error)


def _keep(ledger: Ledger, bodies: Bodies, name: str) -> bool:
    settings = ledger.cell.settings
    keep_ms = min(settings.dead_audio_ms, settings.dead_ms)
    return keep_ms > 0 and bodies.keep(name, keep_ms)


def _drop_trimmed(ledger: Ledger, bodies: Bodies) -> None:
    """Drop the audio of dead letters that newer ones have pushed out."""
    store, trimmed = ledger.cell.store, ledger.keys.dead_audio
    names = [text(name) for name in store.command("SRANDMEMBER", trimmed, _TRIMMED_AT_ONCE)]
    if names:
        bodies.drop_all(names)
        store.command("SREM", trimmed, *names)
