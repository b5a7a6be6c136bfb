import pytest

from scheduling.limits import ANY_SLOTS, NO_LIMITS, Limits, LimitTable, most_slots, tenant_name
from scheduling.settings import SettingsError, read_settings


def table(**settings: str) -> LimitTable:
    return LimitTable(read_settings(redis_url="redis://unused", **settings))


def test_without_settings_nobody_is_limited() -> None:
    assert table().of("acme") is NO_LIMITS
    assert NO_LIMITS.quota == ""


def test_each_tenant_has_its_own_or_that_of_the_others() -> None:
    limits = table(
        tenant_sessions="acme=500,*=100", tenant_jobs="*=20, trial=2", tenant_audio_min="trial=30",
        tenant_connections_per_s="acme=0.5", tenant_waiting="free=0,*=7",
    )  # fmt: skip
    acme, trial, other = limits.of("acme"), limits.of("trial"), limits.of("")
    assert (acme.sessions, acme.jobs, acme.connections_per_s) == (500, 20, 0.5)
    assert (trial.sessions, trial.jobs, trial.audio_ms) == (100, 2, 1_800_000)
    assert (other.sessions, other.jobs, other.audio_ms, other.waiting) == (100, 20, 0, 7)
    assert limits.of("free").waiting == 0
    assert trial.quota == "7 2 1800000"


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"tenant_sessions": "acme"}, "must be NAME=VALUE"),
        ({"tenant_jobs": "acme=many"}, "must be a whole number up to 1000000000, 0 for no limit"),
        ({"tenant_audio_min": "acme=-1"}, "must be a whole number"),
        ({"tenant_connections_per_s": "acme=fast"}, "must be a rate from 0.001"),
    ],
)
def test_a_wrong_table_is_explained(settings: dict[str, str], says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        read_settings(redis_url="redis://unused", **settings)


def test_names_are_cut_where_they_are_counted() -> None:
    assert tenant_name(None) == ""
    assert tenant_name("a" * 100) == "a" * 64


def test_a_credential_states_limits_of_its_own() -> None:
    given = Limits(sessions=5, jobs=3, audio_ms=60_000)
    stated = given.with_stated({"sessions": 2.0, "audio_min": 10.0, "unknown": 7.0})
    assert stated == Limits(sessions=2, jobs=3, audio_ms=600_000)
    assert given.with_stated({}) == given


def test_a_limit_that_is_next_to_nothing_is_not_none() -> None:
    """It was rounded to 0, which is no limit; and no time to wait could be reckoned from such a rate."""
    names = ("sessions", "waiting", "jobs", "audio_min", "connections_per_s")
    stated = Limits().with_stated(dict.fromkeys(names, 1e-320))
    assert stated == Limits(sessions=1, waiting=1, jobs=1, audio_ms=1, connections_per_s=0.001)


@pytest.mark.parametrize(
    ("stated", "most"), [({}, ANY_SLOTS), ({"slots": 0}, ANY_SLOTS), ({"slots": 0.5}, 1), ({"slots": 3}, 3)]
)
def test_slots_of_a_credential_are_one_at_least(stated: dict[str, float], most: int) -> None:
    assert most_slots(stated) == most
