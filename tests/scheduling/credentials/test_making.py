"""The file of credentials as the command writes it: nothing is lost of it, and who may read it still may."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from scheduling.credentials import read_book
from scheduling.credentials.making import Grant, add_static
from scheduling.credentials.static import digest, new_path_secret


def test_tokens_that_are_made_at_once_are_all_in_the_file(tmp_path: Path) -> None:
    """Each read the file, added its own, and wrote it: the last one won, and the others' tokens were void."""
    file = tmp_path / "credentials.toml"

    def add(number: int) -> str:
        return add_static(file, Grant(role="client", subject=f"s{number}"))

    with ThreadPoolExecutor(8) as pool:
        tokens = list(pool.map(add, range(32)))
    assert read_book(file.read_text(), tmp_path).tokens.keys() == set(map(digest, tokens))
    assert [each.name for each in tmp_path.iterdir()] == ["credentials.toml"]


def test_no_secret_looks_like_an_option(monkeypatch: pytest.MonkeyPatch) -> None:
    """One in 64 began with a dash: `token check --path SECRET` did not know such an option."""
    made = iter(["-secret", "s-ecret"])
    monkeypatch.setattr("secrets.token_urlsafe", lambda _: next(made))
    assert new_path_secret() == "s-ecret"


def test_the_file_stays_its_owners(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Written by root it became root's, and servers could read no change any more."""
    given: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "chown", lambda _, owner, group: given.append((owner, group)))
    file = tmp_path / "credentials.toml"
    for name in ("a", "b"):
        add_static(file, Grant(role="client", subject=name))
    stat = file.stat()
    assert given == [(stat.st_uid, stat.st_gid)]
    assert stat.st_mode & 0o777 == 0o600
