from pathlib import Path

import pytest

from scheduling.settings import SCRIPT_LIMITS, Settings, SettingsError, get_settings, settings_table

DOCUMENT = Path(__file__).parents[2] / "docs" / "settings.md"


def test_the_document_has_every_setting_as_the_code_has_it() -> None:
    """Run ``python -m tests.scheduling.test_settings`` to write it anew."""
    assert settings_table() in DOCUMENT.read_text(encoding="utf-8")


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
    head = DOCUMENT.read_text(encoding="utf-8").partition("| setting |")[0]
    DOCUMENT.write_text(head + settings_table(), encoding="utf-8")
