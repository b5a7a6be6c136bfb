"""Language codes as the index knows them: lower case, with the common regional variants folded."""

#: The source language of a speaker whose language is to be recognised.
AUTO = "auto"

_FOLDED = {
    "zh-cn": "zh",
    "zh-tw": "zh",
    "zh-hans": "zh",
    "zh-hant": "zh",
    "pt-br": "pt",
    "pt-pt": "pt",
    "en-us": "en",
    "en-gb": "en",
    "in": "id",
    "iw": "he",
}


def fold(code: str) -> str:
    """Return the code under which nodes and jobs are matched: ``zh-CN`` and ``zh_TW`` are both ``zh``.

    Other variants stay apart: ``zh-yue`` is another language to a recogniser.
    """
    plain = code.strip().lower().replace("_", "-")
    return _FOLDED.get(plain, plain)


def is_auto(code: str) -> bool:
    """Whether the code leaves the language to be recognised."""
    return fold(code) == AUTO


def is_language(code: str) -> bool:
    """Whether a code is safe as part of a key; which languages exist is the nodes' business."""
    return 0 < len(code) <= 35 and code.isascii() and code.replace("-", "").replace("_", "").isalnum()
