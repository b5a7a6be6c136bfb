"""The embedded Valkey: what it keeps, and that nobody else writes to its folder."""

import fcntl
import signal
from pathlib import Path

import pytest
import redis

from bench.processes import valkey_process
from tests.web.command.running import Running, wait_gone
from web.command.embedded import EmbeddedValkey
from web.command.errors import FolderInUse


def run_stack(folder: Path) -> Running:
    return Running("tests.web.command.stacks", "valkey", str(folder))


def url_of(stack: Running) -> str:
    return stack.until("redis://").split()[-2]


def test_what_was_written_is_there_after_a_stop_and_a_start(tmp_path: Path) -> None:
    with run_stack(tmp_path) as stack:
        with redis.Redis.from_url(url_of(stack)) as client:
            client.set("kept", "yes")
        assert stack.finish(signal.SIGTERM) == 0
    with run_stack(tmp_path) as stack, redis.Redis.from_url(url_of(stack)) as client:
        assert client.get("kept") == b"yes"
        assert stack.finish(signal.SIGTERM) == 0


def test_it_is_append_only_never_evicts_and_listens_to_this_machine_only(tmp_path: Path) -> None:
    with run_stack(tmp_path) as stack, redis.Redis.from_url(url_of(stack), decode_responses=True) as client:
        wanted = {
            "appendonly": "yes",
            "appendfsync": "everysec",
            "maxmemory-policy": "noeviction",
            "bind": "127.0.0.1",
            "auto-aof-rewrite-min-size": str(256 * 2**20),
        }
        assert client.config_get(*wanted) == wanted
        stack.finish(signal.SIGTERM)


def test_it_runs_with_an_allocator_made_for_many_small_pieces(tmp_path: Path) -> None:
    with run_stack(tmp_path) as stack, redis.Redis.from_url(url_of(stack), decode_responses=True) as client:
        assert "libmimalloc" in Path(f"/proc/{client.info('server')['process_id']}/maps").read_text()
        stack.finish(signal.SIGTERM)


def test_without_it_the_one_of_the_c_library_keeps_what_it_will_need_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.command.embedded._ALLOCATOR", ("no-such-package", "no.so"))
    with valkey_process(tmp_path) as (_, process):
        maps = Path(f"/proc/{process.pid}/maps").read_text()
    assert "mimalloc" not in maps
    heap = next(line for line in maps.splitlines() if line.endswith("[heap]"))
    first, last = (int(end, 16) for end in heap.split()[0].split("-"))
    assert last - first >= 16 * 2**20


def test_a_second_server_on_the_same_folder_is_refused_and_told_what_to_do(tmp_path: Path) -> None:
    first = EmbeddedValkey(tmp_path)
    with pytest.raises(FolderInUse, match="DATA_DIR"):
        EmbeddedValkey(tmp_path)
    first.close()
    EmbeddedValkey(tmp_path).close()


def test_the_folder_stays_taken_as_long_as_the_server_lives(tmp_path: Path) -> None:
    """A supervisor killed a moment ago has a server that still writes: a new one must not start beside it."""
    with run_stack(tmp_path) as stack:
        with redis.Redis.from_url(url_of(stack), decode_responses=True) as client:
            server = int(client.info("server")["process_id"])
        stack.until("| up")
        client.connection_pool.disconnect()
        stack.process.send_signal(signal.SIGSTOP)
        with pytest.raises(FolderInUse):
            EmbeddedValkey(tmp_path)
        stack.process.kill()
        assert wait_gone([server]) == []
        with (tmp_path / "lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # waits for the server's last thread
        EmbeddedValkey(tmp_path).close()


def test_its_folder_is_for_its_owner_only(tmp_path: Path) -> None:
    valkey = EmbeddedValkey(tmp_path / "deep" / "valkey")
    assert valkey.folder.stat().st_mode & 0o777 == 0o700
    assert not valkey.answers()
    valkey.close()
