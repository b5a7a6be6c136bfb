"""The recordings of canaries: those of ``CANARY_LIST``, or the one of ``CANARY_FILE`` and its like."""

import tomllib
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from scheduling.canary import Expected, Recording, words_of
from scheduling.errors import DispatchError
from scheduling.languages import is_language
from scheduling.setting_canary import CanarySettings

#: More would seldom come up; the list is read each time.
_MOST = 200


class CanaryListError(DispatchError):
    """The list cannot be used; the sentence names the place in it and what to write there."""


def _language(code: str) -> str:
    if not is_language(code):
        raise ValueError('is not a language code. Write one such as "en" or "pt-br"')
    return code


def _said(text: str) -> str:
    if not words_of(text):
        raise ValueError("holds no word")
    return text


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Recording(_Table):
    file: Annotated[str, Field(min_length=1)]
    text: Annotated[str, AfterValidator(_said)]
    source: Annotated[str, AfterValidator(_language)] = Field(alias="from")
    target: Annotated[str, AfterValidator(_language)] = Field(alias="to")
    translation: Annotated[str, AfterValidator(_said)] | None = None
    likeness: float | None = Field(default=None, ge=0, le=1)


class _List(_Table):
    recordings: tuple[_Recording, ...] = Field(min_length=1, max_length=_MOST)


def read_recordings(settings: CanarySettings) -> list[Recording]:
    """Give the recordings that nodes are tried with. Raises `CanaryListError`."""
    if settings.canary_list:
        return _read(Path(settings.canary_list), settings.canary_likeness)
    expected = Expected(settings.canary_text, settings.canary_translation, settings.canary_likeness)
    return [Recording(Path(settings.canary_file), settings.canary_from, settings.canary_to, expected)]


def _read(path: Path, likeness: float) -> list[Recording]:
    try:
        listed = _List.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise CanaryListError(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise CanaryListError(f"{path.name} is not UTF-8 text. Save it as UTF-8.") from None
    except tomllib.TOMLDecodeError as error:
        raise CanaryListError(f"{path.name} is not TOML: {error}.") from None
    except ValidationError as error:
        raise CanaryListError(_sentence(path.name, error.errors(include_input=False)[0])) from None
    return [
        Recording(
            path.parent / one.file,
            one.source,
            one.target,
            Expected(one.text, one.translation or "", likeness if one.likeness is None else one.likeness),
        )
        for one in listed.recordings
    ]


#: What to write, by the kind of mistake; others say so themselves.
_ADVICE = {
    "missing": "is missing. Add it",
    "extra_forbidden": "is not known here. Check the spelling, or leave it out",
    "string_type": "is not text. Put it in quotes",
    "tuple_type": "is not a list. Write [[recordings]] above each",
    "too_short": "holds none. Write [[recordings]] above each",
    "too_long": f"holds too many. Write {_MOST} at most",
}


def _sentence(name: str, item: Any) -> str:
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in item["loc"]).lstrip(".")
    says = str(item["ctx"]["error"]) if item["type"] == "value_error" else _ADVICE.get(item["type"], "")
    return f"{name}: {place} {says or item['msg']}."
