"""Language codes as the capability index folds them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduling.languages import fold, is_auto


@pytest.mark.parametrize(
    ("code", "folded"),
    [
        ("zh-CN", "zh"),
        ("zh-tw", "zh"),
        ("zh-Hans", "zh"),
        ("zh-hant", "zh"),
        ("zh_TW", "zh"),
        ("pt-BR", "pt"),
        ("pt-pt", "pt"),
        ("en-US", "en"),
        ("en-gb", "en"),
        ("in", "id"),
        ("iw", "he"),
        (" DE ", "de"),
        ("zh-yue", "zh-yue"),
        ("es-419", "es-419"),
        ("", ""),
    ],
)
def test_fold(code: str, folded: str) -> None:
    assert fold(code) == folded


@pytest.mark.parametrize(("code", "auto"), [("auto", True), (" AUTO", True), ("au", False), ("", False)])
def test_is_auto(code: str, auto: bool) -> None:
    assert is_auto(code) is auto


@given(st.text())
def test_folding_twice_changes_nothing(code: str) -> None:
    assert fold(fold(code)) == fold(code)
