"""A bar on a terminal, elsewhere a line now and then; what is soon over says nothing there."""

import os
import pty
import select
import sys

import pytest

from web.command import progress
from web.command.progress import bar

PATIENCE_S = 5.0


def test_what_is_soon_over_says_nothing_to_a_file(capfd: pytest.CaptureFixture[str]) -> None:
    with bar("work", 3) as show:
        show(2)
    assert capfd.readouterr() == ("", "")


def test_a_file_is_told_now_and_then(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """It said nothing at all for minutes: those who ran it in the background took it for hung."""
    monkeypatch.setattr(progress, "_EVERY_S", 0.0)
    with bar("work", 3) as show:
        show(2)
    assert capfd.readouterr() == ("", "work: 2 of 3 after 0 s\n")


def test_a_terminal_is_shown_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    shown, (ours, theirs) = "", pty.openpty()
    monkeypatch.setenv("TERM", "xterm")
    with os.fdopen(theirs, "w") as terminal, monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", terminal)
        with bar("work", 3) as show:
            show(2)
        terminal.flush()
        while "2/3" not in shown and select.select([ours], [], [], PATIENCE_S)[0]:
            shown += os.read(ours, 65536).decode()
    os.close(ours)
    assert "work" in shown
    assert "2/3" in shown
