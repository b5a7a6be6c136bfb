"""Backup and restore as docs/operations.md has them: copies of a server in use, put back on another one."""

import shutil
from pathlib import Path

from scheduling.store.base import Store
from scheduling.store.plain import PlainStore
from tests.stack import Stack, wait_until
from tests.valkey import Valkey
from tests.web.api.test_api import ask, get
from web.doctor.server import read_info

AOF = "appendonlydir"
LASTING = {"appendonly": "yes", "appendfsync": "everysec"}


def use(stack: Stack) -> None:
    """Leave something in the ledger: a change by an operator, and a result."""
    with stack.node(("en", "pt")) as node, stack.client("en", "pt") as client:
        client.say()
        client.result(1)
        assert ask(stack, "POST", f"nodes/{node.node_id}/drain", {"reason": "before the backup"})[0] == 200


def assert_restored(valkey: Valkey, done: int) -> None:
    """What was there is there again, and everything works."""
    with Stack(valkey=valkey) as stack:
        (noted,) = get(stack, "audit")["audit"]
        assert noted["reason"] == "before the backup"
        assert get(stack, "stats")["jobs"]["done"] == done
        wait_until(lambda: get(stack, "stats")["nodes"]["online"] == 0, "nodes of the past to be given up")
        with stack.node(("en", "pt")), stack.client("en", "pt") as client:
            client.say()
            client.result(1)
        stack.assert_clean_logs()


def rewritten(store: Store) -> bool:
    """Whether no rewrite of the append-only file is under way, and the last one went well."""
    info = read_info(store)
    busy = info["aof_rewrite_in_progress"] == "1" or info["aof_rewrite_scheduled"] == "1"
    return not busy and info["aof_last_bgrewrite_status"] == "ok"


def test_a_copy_of_the_append_only_file_is_a_backup() -> None:
    with Valkey(**LASTING) as first, Valkey(**LASTING) as second:
        with Stack(valkey=first) as stack, PlainStore(first.url) as store:
            use(stack)
            store.command("CONFIG", "SET", "auto-aof-rewrite-percentage", "0")
            wait_until(lambda: rewritten(store), "no rewrite to be under way")
            kept = first.keep()
            store.command("CONFIG", "SET", "auto-aof-rewrite-percentage", "100")
            use_later = get(stack, "stats")["jobs"]["done"]
        second.roll_back(kept)
        assert_restored(second, use_later)


def put_snapshot_back(dump: Path, second: Valkey) -> None:
    """Start without the append-only file, which would be empty, and have it written from the snapshot."""
    second.kill()
    shutil.rmtree(second.folder / AOF, ignore_errors=True)
    shutil.copy(dump, second.folder / "dump.rdb")
    second.start()


def test_a_snapshot_is_a_backup_when_it_is_loaded_before_the_append_only_file_is_turned_on() -> None:
    with Valkey(**LASTING) as first, Valkey(appendonly="no") as second, Valkey(**LASTING) as third:
        with Stack(valkey=first) as stack, PlainStore(first.url) as store:
            use(stack)
            store.command("BGSAVE")
            wait_until(lambda: read_info(store)["rdb_bgsave_in_progress"] == "0", "the snapshot")
            assert read_info(store)["rdb_last_bgsave_status"] == "ok"
            done = get(stack, "stats")["jobs"]["done"]
        put_snapshot_back(first.folder / "dump.rdb", second)
        with PlainStore(second.url) as store:
            store.command("CONFIG", "SET", "appendonly", "yes")
            wait_until(lambda: rewritten(store), "the append-only file to be written")
        third.roll_back(second.folder)  # the same folder, started as it is from now on
        assert_restored(third, done)


def test_a_snapshot_beside_an_append_only_file_that_is_on_is_not_read() -> None:
    """The trap that the order of the steps avoids: the server starts empty, and says nothing."""
    with Valkey(**LASTING) as first, Valkey(**LASTING) as second:
        with Stack(valkey=first) as stack, PlainStore(first.url) as store:
            use(stack)
            store.command("SAVE")
        put_snapshot_back(first.folder / "dump.rdb", second)
        with PlainStore(second.url) as store:
            assert store.command("DBSIZE") == 0
