"""`speech-dispatch token`: what it makes is accepted, and it says why something is not."""

import stat
from pathlib import Path

import pytest

from scheduling.credentials.jwt_keys import ALGORITHMS
from tests.credentials import CredentialFile, bearer
from tests.peers import FakeClient
from tests.stack import Stack
from web.command.main import main


class Shell:
    """Runs the command and gives what it printed."""

    def __init__(self, capsys: pytest.CaptureFixture[str], file: Path) -> None:
        self._capsys = capsys
        self._file = file

    def __call__(self, verb: str, *words: str, code: int = 0) -> str:
        file = ["--file", str(self._file)] if verb in ("key", "make", "check") else []
        assert main(["token", verb, *words, *file]) == code
        found = self._capsys.readouterr()
        return (found.out if code == 0 else found.out + found.err).strip()


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    for name in ("CREDENTIALS", "CREDENTIALS_FILE", "SPEECH_DISPATCH_TOKEN", "ADMIN_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    return Shell(capsys, tmp_path / "credentials.toml")


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_what_it_makes_it_finds_good(shell: Shell, algorithm: str, tmp_path: Path) -> None:
    shell("key", "--algorithm", algorithm, "--kid", "k1")
    allowed = ("--languages", "en,pt", "--limit", "sessions=2", "--tenant", "acme")
    token = shell("make", "--role", "client", "--subject", "anna", *allowed)
    said = shell("check", token)
    for words in ("client", "anna", "en, pt", "sessions 2", "acme", "jwt k1"):
        assert words in said
    for path in tmp_path.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert token not in path.read_text()


def test_it_says_why_one_is_refused(shell: Shell) -> None:
    shell("key", "--kid", "k1")
    token = shell("make", "--role", "client", "--subject", "anna")
    assert "wrong_role" in shell("check", token, "--role", "node", code=1)
    assert "unknown" in shell("check", "sdt_other", code=1)
    shell("key", "--kid", "k2", "--roles", "node")
    assert "wrong_role" in shell("check", shell("make", "--role", "admin", "--subject", "eve"), code=1)


def test_static_tokens_and_path_secrets(shell: Shell) -> None:
    token = shell("make", "--role", "node", "--subject", "lisbon", "--static", "--node-id", "n1")
    assert "n1" in shell("check", token)
    path = shell("make", "--role", "node", "--subject", "old", "--path", "--expires", "30d")
    assert path.startswith("/ws/node/")
    assert "old" in shell("check", "--path", path)
    assert "unknown" in shell("check", path.rpartition("/")[2], code=1)


@pytest.mark.parametrize(
    "words",
    [
        ("make", "--role", "client", "--subject", "a b"),
        ("make", "--role", "client", "--subject", "a", "--node-id", "n1"),
        ("make", "--role", "client", "--subject", "a"),
        ("key", "--kid", "../up"),
        ("key", "--roles", "root"),
        ("check", "sdt_x"),
    ],
)
def test_what_cannot_be_is_told_in_a_sentence(shell: Shell, words: tuple[str, ...]) -> None:
    assert shell(*words, code=2).startswith("speech-dispatch token: ")


def test_a_key_that_is_there_is_not_written_over(shell: Shell, tmp_path: Path) -> None:
    shell("key", "--kid", "k1")
    before = (tmp_path / "k1.private.pem").read_text()
    assert "--kid" in shell("key", "--kid", "k1", code=2)
    assert (tmp_path / "k1.private.pem").read_text() == before


def test_it_revokes_over_http(shell: Shell, tmp_path: Path) -> None:
    file = CredentialFile(tmp_path, "HS256")
    admin = file.static("admin", "ops")
    token = file.jwt("HS256", "client", "eve")
    with Stack(credentials_file=str(file.path)) as stack:
        here = ["--url", f"http://127.0.0.1:{stack.webs[0].port}", "--admin-token", admin]
        with FakeClient(stack.webs[0].url("/ws/session"), headers=bearer(token)) as client:
            assert "within seconds" in shell("revoke", "subject", "eve", "--reason", "abuse", *here)
            assert client.wait_closed()[0] == 1008
        assert "abuse" in shell("revoked", *here)
        assert "again" in shell("allow", "subject", "eve", *here)
        assert "Nothing" in shell("revoked", *here)
        assert token not in stack.webs[0].log
        assert admin not in stack.webs[0].log
