"""What the console shows, keeps in logs, and does without a reader."""

import io
import os
import re
from pathlib import Path
from threading import Thread

from web.command.console import Console


def test_lines_stand_after_names_of_one_width() -> None:
    out = io.StringIO()
    console = Console(out, speaker="up", names=("web-5010", "beat"))
    console.line("beat", "tick")
    console.say("one\ntwo")
    assert out.getvalue() == "beat     | tick\nup       | one\nup       | two\n"


def test_colour_is_for_the_name_only_and_differs() -> None:
    out = io.StringIO()
    console = Console(out, speaker="up", names=("web", "beat"), colour=True)
    console.line("web", "a")
    console.line("beat", "b")
    first, second = out.getvalue().splitlines()
    assert first == "\x1b[36mweb  |\x1b[0m a"
    assert second.startswith("\x1b[33m")


def test_quiet_shows_the_supervisor_and_who_may_speak_and_logs_everybody(tmp_path: Path) -> None:
    out = io.StringIO()
    console = Console(
        out, speaker="demo", names=("web", "say"), quiet=True, aloud=("say",), log_dir=tmp_path / "logs"
    )
    for name in ("web", "say", "demo"):
        console.line(name, f"from {name}")
    console.close()
    assert out.getvalue() == "say  | from say\ndemo | from demo\n"
    assert (tmp_path / "logs" / "web.log").read_text() == "from web\n"


def test_what_is_to_be_hidden_is_logged_all_the_same(tmp_path: Path) -> None:
    out = io.StringIO()
    console = Console(out, speaker="up", names=("beat",), hide=re.compile("tick"), log_dir=tmp_path)
    console.line("beat", "a tick")
    console.line("beat", "a tock")
    console.close()
    assert out.getvalue() == "beat | a tock\n"
    assert (tmp_path / "beat.log").read_text() == "a tick\na tock\n"


def test_lines_of_many_threads_stay_whole() -> None:
    out = io.StringIO()
    names = tuple(f"p{i}" for i in range(8))
    console = Console(out, speaker="up", names=names)

    def speak(name: str) -> None:
        for _ in range(100):
            console.line(name, name * 50)

    threads = [Thread(target=speak, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = out.getvalue().splitlines()
    assert len(lines) == 800
    assert all(line == f"{line[:2]} | {line[:2] * 50}" for line in lines)


def test_a_reader_that_went_away_is_noticed_and_logs_go_on(tmp_path: Path) -> None:
    read_fd, write_fd = os.pipe()
    os.close(read_fd)
    with io.TextIOWrapper(io.FileIO(write_fd, "w")) as stream:
        console = Console(stream, speaker="up", names=("web",), log_dir=tmp_path)
        console.line("web", "lost")
        assert console.gone
        console.line("web", "kept")
        console.close()
        # Leaving would try to write what the stream still holds.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    assert (tmp_path / "web.log").read_text() == "lost\nkept\n"
