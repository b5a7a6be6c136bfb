"""The inbox of an instance, read by the real process."""

import json
import time

import redis

from tests.stack import Stack, wait_until


def test_broken_entries_keep_nobody_from_being_read() -> None:
    """What this process cannot read is logged and deleted; of a kind it does not know it says so once.

    A newer version, while a deploy lasts, may write a thousand of them: each came with a traceback.
    """
    with Stack() as stack, redis.Redis.from_url(stack.valkey.url) as ledger:
        inbox = f"sd:{{0}}:inbox:{stack.webs[0].stats()['instance']}"
        for entry in (
            {"kind": "poem"},
            {"kind": "poem", "line": "2"},
            {"kind": "song"},
            {"no": "kind"},
            {"kind": "event", "session": "s", "body": "{"},
        ):
            ledger.xadd(inbox, entry)
        ledger.xadd(inbox, {"kind": "dispatch", "job": "j", "attempt": "first", "node": "n"})
        ledger.xadd(inbox, {"kind": "dispatch", "job": "unknown", "attempt": "1", "node": "n"})
        wait_until(lambda: ledger.xlen(inbox) == 0, "all to be read")
        with stack.node(("en", "pt")), stack.client() as client:
            client.say()
            assert client.texts(1) == ["en 0"]
        assert stack.webs[0].log.count("is broken") == 2
        assert stack.webs[0].log.count("kind 'poem' are skipped") == 1
        assert stack.webs[0].log.count("kind 'song' are skipped") == 1
        stack.assert_clean_logs("inbox entry", "Traceback")


def test_what_could_not_be_deleted_is_read_again() -> None:
    """Nobody waits for the deletion, but an entry is not left behind for ever where it failed."""
    with Stack() as stack, redis.Redis.from_url(stack.valkey.url) as ledger:
        inbox = f"sd:{{0}}:inbox:{stack.webs[0].stats()['instance']}"
        ledger.execute_command("ACL", "SETUSER", "default", "-xdel")
        ledger.xadd(inbox, {"kind": "poem"})
        wait_until(lambda: "the inbox cannot be read" in stack.webs[0].log, "the deletion to be refused")
        assert ledger.xlen(inbox) == 1
        ledger.execute_command("ACL", "SETUSER", "default", "+xdel")
        wait_until(lambda: ledger.xlen(inbox) == 0, "it to be read again")
        with stack.node(("en", "pt")), stack.client() as client:
            client.say()
            assert client.texts(1) == ["en 0"]
        stack.assert_clean_logs("inbox", "Traceback")


def _told_in_full(job: str, node: str, age_ms: float = 0) -> dict[str, str]:
    """Give the entry of an attempt that nobody has a record of: who looks for one does not send it."""
    spec = json.dumps({"session_id": "s", "utterance_index": 0, "trace_id": "t"})
    created_ms = time.time() * 1000 - age_ms
    return {
        "kind": "dispatch", "job": job, "attempt": "1", "node": node, "spec": f"{spec}\n{{}}\n{{}}",
        "semantic": "0", "tried": f" {node} ", "created_ms": str(int(created_ms)), "audio": f"a:{job}",
        "data": "c291bmQ=",
    }  # fmt: skip


def test_an_attempt_told_of_in_full_is_sent_without_a_look_at_its_record() -> None:
    """One that may have lapsed meanwhile, or may have been sent before, is looked up."""
    with Stack(dispatch_ms=20_000) as stack, redis.Redis.from_url(stack.valkey.url) as ledger:
        inbox = f"sd:{{0}}:inbox:{stack.webs[0].stats()['instance']}"
        with stack.node(("en", "pt"), answer=None) as node:
            ledger.xadd(inbox, {"kind": "poem"})
            wait_until(lambda: ledger.xlen(inbox) == 0, "the first read")
            ledger.xadd(inbox, _told_in_full("lapsed", node.node_id, 10_000))
            ledger.xadd(inbox, _told_in_full("ahead", node.node_id, -20_000))
            ledger.xadd(inbox, _told_in_full("broken", node.node_id) | {"spec": "{}"})
            ledger.xadd(inbox, _told_in_full("young", node.node_id))
            sent = node.job()
            assert (sent["job_id"], sent["audio"]) == ("young", "c291bmQ=")
            ledger.execute_command("ACL", "SETUSER", "default", "-xdel")
            ledger.xadd(inbox, {"kind": "poem"})
            wait_until(lambda: "the inbox cannot be read" in stack.webs[0].log, "the deletion to be refused")
            ledger.xadd(inbox, _told_in_full("again", node.node_id))
            ledger.execute_command("ACL", "SETUSER", "default", "+xdel")
            wait_until(lambda: ledger.xlen(inbox) == 0, "all to be read")
            ledger.xadd(inbox, _told_in_full("last", node.node_id))
            assert node.job(2)["job_id"] == "last"
        assert stack.webs[0].log.count("is broken") == 1
        stack.assert_clean_logs("inbox", "Traceback")
