"""All checks in order; what one of them cannot reach does not keep the others from being made."""

from collections.abc import Callable

from scheduling.errors import StoreError
from scheduling.ledger.cell import Cell
from scheduling.settings import Settings, SettingsError, read_settings
from scheduling.store.base import Store
from scheduling.store.plain import PlainStore
from web.command import redis_url
from web.doctor.broker import look_at_broker
from web.doctor.finding import Finding, Findings, failed, ok
from web.doctor.fleet import look_at_fleet
from web.doctor.http import look_at_url
from web.doctor.machine import look_at_machine
from web.doctor.sentinels import look_at_sentinels
from web.doctor.server import broken_off, look_at_body_server, look_at_server, unreachable

#: A call gives up after this time, s, however patient a web process is.
_PATIENCE_S = 3.0
_MAX_CONNECTIONS = int(Settings.model_fields["max_connections"].default)


def examine(url: str = "") -> Findings:
    """Look at everything that can be reached; ``url`` is a web process or what stands before it."""
    settings: Settings | None = None
    try:
        settings = read_settings()
    except SettingsError as error:
        yield failed(
            "settings",
            f"{error}.",
            "Give this command the environment of your processes; that of `up` is the ledger it names.",
        )
    else:
        yield ok("settings", "The environment has what is needed, and nothing wrong.")
        yield from _look_at_redis(settings)
        yield from look_at_broker(settings)
    yield from look_at_machine(settings.max_connections if settings else _MAX_CONNECTIONS)
    if url:
        yield from look_at_url(url)


def _look_at_redis(settings: Settings) -> Findings:
    yield from look_at_sentinels(settings.redis_url)

    def ledger(store: Store) -> Findings:
        yield from look_at_server(store, settings)
        yield from look_at_fleet(Cell(store, settings))

    yield from _with_store("redis", "REDIS_URL", settings.redis_url, ledger)
    if settings.payload_url:
        bodies = settings.payload_url
        yield from _with_store(
            "bodies", "PAYLOAD_URL", bodies, lambda store: look_at_body_server(store, settings)
        )


def _with_store(check: str, name: str, url: str, look: Callable[[Store], Findings]) -> Findings:
    shown, answered = redis_url.without_password(url), False
    try:
        with PlainStore(url, timeout_s=_PATIENCE_S) as store:
            store.command("PING")
            answered = True
            if check == "redis":
                yield _reached(shown)
            yield from look(store)
    except (StoreError, ValueError) as error:
        if answered and isinstance(error, StoreError):
            yield broken_off(f"{check}-trouble", name, error)
        else:
            yield unreachable(check, name, shown, error)


def _reached(shown: str) -> Finding:
    return ok("redis", f"{shown} answers.")
