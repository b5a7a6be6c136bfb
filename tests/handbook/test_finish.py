"""Pages say their language, and names in tables break where they are joined."""

import pytest

from docs.handbook.finish import breakable, in_language, language_of


@pytest.mark.parametrize(("place", "language"), [("index.zh-CN.md", "zh-CN"), ("deploy/systemd.md", "")])
def test_the_name_of_a_page_may_state_its_language(place: str, language: str) -> None:
    assert language_of(place) == language


def test_the_chinese_page_does_not_call_itself_english() -> None:
    html = '<html lang="en" class="no-js"><p lang="en">'
    assert in_language(html, "zh-CN") == '<html lang="zh-CN" class="no-js"><p lang="en">'
    assert in_language(html, "") == html


def test_names_in_tables_break_at_their_joints_and_nothing_else_does() -> None:
    """Narrow columns broke ``MESSAGES_PER_S`` after its P."""
    code = "<code>MESSAGES_PER_S</code>"
    cell = f'<td align="left">{code}, a_b <a href="a_b">x</a> <code>a &amp;b</code></td>'
    apart = cell.replace("MESSAGES_PER_S", "MESSAGES_<wbr>PER_<wbr>S")
    assert breakable(f"<p>{code}</p><tr>\n{cell}\n{cell}") == f"<p>{code}</p><tr>\n{cell}\n{apart}"


def test_the_longest_names_break_in_first_columns_too() -> None:
    """Those of metrics left no room for what they mean."""
    first = "<tr>\n<td><code>speech_dispatch_credential_refusals_total</code></td>"
    assert breakable(first).count("<wbr>") == 4
