"""Settings of canaries, recordings whose text is known: a part of the one table in `scheduling.settings`."""

from typing import Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings

from scheduling.canary import words_of
from scheduling.languages import is_language


class CanarySettings(BaseSettings):
    """What nodes are tried with, and when one that answers wrongly is taken out of work."""

    canary_s: float = Field(
        default=0.0,
        ge=0,
        description="a node is sent a recording whose text is known this often, s; 0 for never",
    )
    canary_file: str = Field(default="", description="that recording, a WAV file, read anew each time")
    canary_text: str = Field(default="", description="what is said in it")
    canary_from: str = Field(default="", description="its language, as in `en`")
    canary_to: str = Field(default="", description="language it is translated into")
    canary_translation: str = Field(
        default="", description="its translation; where empty, only what was recognised is judged"
    )
    canary_likeness: float = Field(
        default=0.6,
        ge=0,
        le=1,
        description="how like these words an answer must be to be right: 1 for the very same",
    )
    canary_failures: int = Field(
        default=3, ge=1, description="wrong answers in a row that put a node in quarantine"
    )

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if not self.canary_s:
            return self
        for name in ("canary_file", "canary_text", "canary_from", "canary_to"):
            if not getattr(self, name):
                raise ValueError(f"{name.upper()} is not set: CANARY_S needs it")
        for name in ("canary_from", "canary_to"):
            if not is_language(getattr(self, name)):
                raise ValueError(f"{name.upper()} is not a language code: give one such as en or pt-br")
        for name in ("canary_text", "canary_translation"):
            if getattr(self, name) and not words_of(getattr(self, name)):
                raise ValueError(f"{name.upper()} holds no word")
        return self
