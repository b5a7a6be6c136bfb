"""The recordings of canaries, several in a list or one by settings."""

from pathlib import Path
from typing import Any

import pytest

from scheduling.canary_list import CanaryListError, read_recordings
from scheduling.settings import read_settings

LIST = """
[[recordings]]
file = "en/morning.wav"
text = "good morning"
from = "en"
to = "pt"
translation = "bom dia"

[[recordings]]
file = "/sounds/abend.wav"
text = "guten Abend"
from = "de"
to = "en"
likeness = 0.9
"""


def reading(path: Path, **more: Any) -> Any:
    return read_recordings(
        read_settings(
            redis_url="redis://here", canary_s=1, canary_list=str(path), canary_likeness=0.5, **more
        )
    )


def test_a_list_names_files_beside_itself(tmp_path: Path) -> None:
    path = tmp_path / "list.toml"
    path.write_text(LIST)
    one, other = reading(path)
    assert one.file == tmp_path / "en" / "morning.wav"
    assert (one.source, one.target) == ("en", "pt")
    assert (one.expected.text, one.expected.translation, one.expected.least) == (
        "good morning",
        "bom dia",
        0.5,
    )
    assert other.file == Path("/sounds/abend.wav")
    assert (other.expected.translation, other.expected.least) == ("", 0.9)


def test_one_may_be_stated_by_settings() -> None:
    stated = {"canary_file": "x.wav", "canary_text": "good morning", "canary_from": "en", "canary_to": "pt"}
    (one,) = read_recordings(read_settings(redis_url="redis://here", canary_s=1, **stated))
    assert (one.file, one.source, one.target, one.expected.text) == (
        Path("x.wav"),
        "en",
        "pt",
        "good morning",
    )


@pytest.mark.parametrize(
    ("former", "latter", "sentence"),
    [
        ('file = "en/morning.wav"', "", r"recordings\[0\].file is missing. Add it."),
        ('text = "good morning"', 'text = "..."', r"recordings\[0\].text holds no word."),
        ('from = "en"', 'from = "english please"', r"recordings\[0\].from is not a language code. Write one"),
        ('to = "en"', "to = 7", r"recordings\[1\].to is not text. Put it in quotes."),
        (
            "likeness = 0.9",
            "likeness = 2",
            r"recordings\[1\].likeness Input should be less than or equal to 1.",
        ),
        ("likeness = 0.9", "alike = 2", r"recordings\[1\].alike is not known here. Check the spelling"),
        ('translation = "bom dia"', 'translation = "?"', r"recordings\[0\].translation holds no word."),
        (LIST, "", "recordings is missing"),
        (LIST, "recordings = []", r"recordings holds none. Write \[\[recordings\]\] above each."),
        (LIST, "recordings = 1", "recordings is not a list"),
        (LIST, "[[recordings", "list.toml is not TOML"),
    ],
)
def test_a_list_that_is_wrong_is_refused_with_its_place(
    tmp_path: Path, former: str, latter: str, sentence: str
) -> None:
    path = tmp_path / "list.toml"
    assert former in LIST
    path.write_text(LIST.replace(former, latter))
    with pytest.raises(CanaryListError, match=sentence):
        reading(path)


def test_a_list_that_is_not_there_or_no_text(tmp_path: Path) -> None:
    with pytest.raises(CanaryListError, match="cannot be read: No such file"):
        reading(tmp_path / "none.toml")
    (tmp_path / "list.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(CanaryListError, match="not UTF-8"):
        reading(tmp_path / "list.toml")
