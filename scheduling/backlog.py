"""How much waits for a slot and for how long, by a bounded look."""

from scheduling.ledger.cell import Cell

#: Jobs looked at, those whose time is over first: among them is the one that has waited longest, unless more
#: than so many others run out of their time before it.
_MOST = 200


def oldest_waiting_ms(cell: Cell, now_ms: int) -> int:
    """Give for how long the oldest waiting job has waited, ms; 0 for none. Raises `StoreError`."""
    due = cell.store.command(
        "ZRANGE", cell.keys.deadlines, "-inf", now_ms + cell.settings.wait_ms, "BYSCORE", "LIMIT", 0, _MOST
    )
    jobs = [member.decode()[2:] for member in due if member.startswith(b"j|")]
    if not jobs:
        return 0
    asked = [("HMGET", cell.keys.job(job), "state", "waiting_ms") for job in jobs]
    since = [int(waits) for state, waits in cell.store.commands(asked) if state == b"waiting" and waits]
    return max(0, now_ms - min(since)) if since else 0
