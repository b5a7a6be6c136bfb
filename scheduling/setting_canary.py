"""Settings of canaries, recordings whose text is known: a part of the one table in `scheduling.settings`."""

from functools import cached_property
from typing import Self

from pydantic import Field, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings

from scheduling.canary import of_tier, words_of
from scheduling.languages import is_language
from scheduling.setting_tables import parse_table, read_amount, read_share

#: How often a node is tried whose tier is in no table, in hundredths.
_USUAL_WEIGHT = 100
_READERS = {"canary_tier_weights": read_share, "canary_tier_failures": read_amount}


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
    canary_list: str = Field(
        default="",
        description="TOML file of several recordings (`docs/security.md`), in place of this one",
    )
    canary_failures: int = Field(
        default=3, ge=1, description="wrong answers in a row that put a node in quarantine"
    )
    canary_tier_failures: str = Field(
        default="new=2,trusted=0",
        description="the same of nodes of a trust tier, `*` for each other one; 0 for never, it is only told",
    )
    canary_tier_weights: str = Field(
        default="new=4,trusted=0.1",
        description="how often nodes of a trust tier are tried against the others' 1; 0 for never",
    )

    @field_validator(*_READERS)
    @classmethod
    def _is_tier_table(cls, words: str, info: ValidationInfo) -> str:
        parse_table(words, _READERS[str(info.field_name)])
        return words

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.canary_list and self.canary_file:
            raise ValueError("CANARY_LIST and CANARY_FILE are both set: leave one of them out")
        if not self.canary_s or self.canary_list:
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

    def canary_weight(self, tier: str) -> int:
        """How often a node of a trust tier is tried, in hundredths; 0 for never."""
        return of_tier(self._canary_weights, tier, _USUAL_WEIGHT)

    def most_canary_failures(self, tier: str) -> int:
        """So many wrong answers in a row put a node of a trust tier in quarantine; 0 for any number."""
        return of_tier(self._canary_most, tier, self.canary_failures)

    @cached_property
    def _canary_weights(self) -> dict[str, int]:
        return parse_table(self.canary_tier_weights, read_share)

    @cached_property
    def _canary_most(self) -> dict[str, int]:
        return parse_table(self.canary_tier_failures, read_amount)
