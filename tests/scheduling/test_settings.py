import re
from pathlib import Path

import pytest

from scheduling.setting_reference import settings_reference
from scheduling.settings import SCRIPT_LIMITS, Settings, SettingsError, get_settings

DOCUMENT = Path(__file__).parents[2] / "docs" / "settings.md"


def test_the_document_has_every_setting_as_the_code_has_it() -> None:
    """Run ``python -m tests.scheduling.test_settings`` to write it anew."""
    assert settings_reference() in DOCUMENT.read_text(encoding="utf-8")


def test_every_setting_is_in_one_table_with_its_unit() -> None:
    rows = [line for line in settings_reference().splitlines() if line.startswith("| `")]
    cells = {row.split(" | ")[0].strip("| `"): row.strip("| ").split(" | ") for row in rows}
    assert list(cells) == [name.upper() for name in Settings.model_fields]
    assert all(len(row) == 5 for row in cells.values())
    for name, (_, _, _, unit, meaning) in cells.items():
        suffix = "PER_S" if name.endswith("_PER_S") else name.rpartition("_")[2]
        assert unit == {"PER_S": "1/s", "MS": "ms", "S": "s", "BYTES": "bytes", "PERCENT": "%"}.get(
            suffix, unit
        ), name
        assert meaning
    assert cells["DEAD_MS"][1:4] == ["int ≥ 0", "`86400000` (1 d)", "ms"]
    assert cells["BODY_BUDGET"][2:4] == ["`536870912` (512 MB)", "bytes"]
    assert cells["LOG_LEVEL"][1] == "`DEBUG` `INFO` `WARNING` `ERROR`"
    assert cells["REQUIRE_GPU"][1:3] == ["`0` or `1`", "`1`"]
    assert cells["RESOURCE_THRESHOLD"][1:4] == ["number > 0, ≤ 100", "`85`", "%"]


def test_every_limit_of_the_scripts_is_a_setting() -> None:
    assert set(SCRIPT_LIMITS) <= set(Settings.model_fields)


def test_urls_of_bodies_and_broker_default_to_the_ledgers() -> None:
    settings = Settings(redis_url="redis://here")
    assert (settings.body_url, settings.broker_url) == ("redis://here", "redis://here")
    elsewhere = Settings(redis_url="redis://here", payload_url="redis://p", celery_broker_url="redis://b")
    assert (elsewhere.body_url, elsewhere.broker_url) == ("redis://p", "redis://b")


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({}, "REDIS_URL is not set"),
        ({"REDIS_URL": "redis://x", "WAIT_MS": "soon"}, "WAIT_MS: Input should be a valid integer"),
        ({"REDIS_URL": "redis://x", "PORT": "99999"}, "PORT: Input should be less than or equal to 65535"),
        ({"REDIS_URL": "redis://x", "GRACE_MS": "40000"}, "GRACE_MS must be shorter than SILENCE_MS"),
        ({"REDIS_URL": "redis://x", "DEFAULT_NODE_SLOTS": "99"}, "must not exceed MAX_NODE_SLOTS"),
    ],
)
def test_a_wrong_environment_is_explained(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], sentence: str
) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    get_settings.cache_clear()
    try:
        with pytest.raises(SettingsError, match=sentence):
            get_settings()
    finally:
        get_settings.cache_clear()


if __name__ == "__main__":
    head = re.split(r"^## ", DOCUMENT.read_text(encoding="utf-8"), maxsplit=1, flags=re.MULTILINE)[0]
    DOCUMENT.write_text(head + settings_reference(), encoding="utf-8")
