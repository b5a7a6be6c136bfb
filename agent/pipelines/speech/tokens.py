"""Whisper's tokens: prompt words to ids, ids back to text. Byte-level BPE, read from ``tokenizer.json``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path


class Tokens:
    """The vocabulary of one model."""

    def __init__(self, tokenizer: Path) -> None:
        content = json.loads(tokenizer.read_text(encoding="utf-8"))
        alphabet = _byte_alphabet()
        self._specials: dict[str, int] = {each["content"]: each["id"] for each in content["added_tokens"]}
        special_ids = set(self._specials.values())
        self._bytes = {
            number: bytes(alphabet[letter] for letter in token)
            for token, number in content["model"]["vocab"].items()
            if number not in special_ids
        }

    def prompt(self, language: str, task: str) -> list[int]:
        """Return the ids that tell the decoder what to do; ``task`` is ``transcribe`` or ``translate``.

        Raises `KeyError`: the model does not know the language or task.
        """
        words = ("<|startoftranscript|>", f"<|{language}|>", f"<|{task}|>", "<|notimestamps|>")
        return [self._specials[word] for word in words]

    def text(self, ids: Sequence[int]) -> str:
        """Return the text of the ids, special tokens left out, a character cut in half replaced."""
        return b"".join(self._bytes.get(each, b"") for each in ids).decode("utf-8", "replace").strip()


def _byte_alphabet() -> dict[str, int]:
    """GPT-2's stand-ins: printable Latin-1 bytes are themselves, the others letters from U+0100 on."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in set(printable)]
    alphabet = {chr(byte): byte for byte in printable}
    alphabet.update({chr(256 + place): byte for place, byte in enumerate(others)})
    return alphabet
