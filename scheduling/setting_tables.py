"""Settings that are small tables, as in ``acme=3,trial=0.5``."""

from collections.abc import Callable


def parse_table(words: str, read: Callable[[str], int]) -> dict[str, int]:
    """Read ``name=value,name=value``. Raises `ValueError` with a sentence about the item that is wrong."""
    table = {}
    for item in filter(None, (part.strip() for part in words.split(","))):
        name, equals, value = (part.strip() for part in item.partition("="))
        if not (name and equals):
            raise ValueError(f"{item!r} must be NAME=VALUE, items apart by commas")
        table[name] = read(value)
    return table


def read_weight(value: str) -> int:
    """Read a fair share, in hundredths. Raises `ValueError`."""
    try:
        weight = round(float(value) * 100)
    except (ValueError, OverflowError):
        weight = 0
    if not 1 <= weight <= 100_000:
        raise ValueError(f"{value!r} must be a share from 0.01 to 1000")
    return weight


def read_share(value: str) -> int:
    """Read a share in hundredths, 0 for none. Raises `ValueError`."""
    try:
        share = round(float(value) * 100)
    except (ValueError, OverflowError):
        share = -1
    if not 0 <= share <= 100_000:
        raise ValueError(f"{value!r} must be a share from 0.01 to 1000, 0 for none")
    return share


def read_priority(value: str) -> int:
    """Read a priority class: 0 high, 1 normal, 2 low. Raises `ValueError`."""
    classes = ("high", "normal", "low")
    if value not in classes:
        raise ValueError(f"{value!r} must be high, normal or low")
    return classes.index(value)


def read_cost(value: str) -> int:
    """Read a number of slots. Raises `ValueError`."""
    if not value.isdecimal() or not 1 <= int(value) <= 64:
        raise ValueError(f"{value!r} must be a number of slots from 1 to 64")
    return int(value)


def read_amount(value: str) -> int:
    """Read how many there may be, 0 for any number. Raises `ValueError`."""
    if not value.isdecimal() or int(value) > 10**9:
        raise ValueError(f"{value!r} must be a whole number up to 1000000000, 0 for no limit")
    return int(value)


def read_rate(value: str) -> int:
    """Read a rate per second, in thousandths; 0 for any. Raises `ValueError`."""
    try:
        rate = round(float(value) * 1000)
    except (ValueError, OverflowError):
        rate = -1
    if not 0 <= rate <= 10**9:
        raise ValueError(f"{value!r} must be a rate from 0.001 to 1000000 per second, 0 for no limit")
    return rate
