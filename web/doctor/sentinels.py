"""The Sentinels of a ``redis+sentinel://`` URL: do they answer, and do they agree."""

from collections import Counter
from dataclasses import replace

from scheduling.errors import StoreUnavailable
from scheduling.store.address import read_address
from scheduling.store.sentinels import PATIENCE_S, Sentinels
from web.doctor.finding import Findings, failed, ok, warning

_FEWEST = 3


def look_at_sentinels(url: str) -> Findings:
    """Ask each Sentinel by itself which server is the master; nothing for a URL without any."""
    address = read_address(url)
    named: Counter[str] = Counter()
    silent = []
    for place in address.sentinels:
        try:
            host, port = Sentinels(replace(address, sentinels=(place,))).master(PATIENCE_S)
        except StoreUnavailable as error:
            silent.append(f"{place[0]}:{place[1]} ({error})")
        else:
            named[f"{host}:{port}"] += 1
    if not address.sentinels:
        return
    says = f"{sum(named.values())} of {len(address.sentinels)} Sentinels name a master for {address.service}"
    if not named:
        yield failed(
            "sentinels", f"{says}: {'; '.join(silent)}.", "Start them; without any nothing connects."
        )
    elif len(named) > 1:
        yield failed(
            "sentinels",
            f"They disagree: {', '.join(f'{count} name {place}' for place, count in named.items())}.",
            "Wait for the end of a fail-over; if it lasts, one of them is cut off from the others.",
        )
    elif silent:
        yield warning("sentinels", f"{says}; not {'; '.join(silent)}.", "Start those that are away.")
    elif len(address.sentinels) < _FEWEST:
        yield warning("sentinels", f"{says}.", "Name three or more: two cannot outvote one that is wrong.")
    else:
        yield ok("sentinels", f"{says}: {next(iter(named))}.")
