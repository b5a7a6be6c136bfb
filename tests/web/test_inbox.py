"""The inbox of an instance, read by the real process."""

import redis

from tests.stack import Stack, wait_until


def test_broken_entries_keep_nobody_from_being_read() -> None:
    """An instance of another version may leave what this one cannot read; it is logged and deleted."""
    with Stack() as stack, redis.Redis.from_url(stack.valkey.url) as ledger:
        inbox = f"sd:{{0}}:inbox:{stack.webs[0].stats()['instance']}"
        for entry in ({"kind": "poem"}, {"no": "kind"}, {"kind": "event", "session": "s", "body": "{"}):
            ledger.xadd(inbox, entry)
        ledger.xadd(inbox, {"kind": "dispatch", "job": "j", "attempt": "first", "node": "n"})
        ledger.xadd(inbox, {"kind": "dispatch", "job": "unknown", "attempt": "1", "node": "n"})
        wait_until(lambda: ledger.xlen(inbox) == 0, "all to be read")
        with stack.node(("en", "pt")), stack.client() as client:
            client.say()
            assert client.texts(1) == ["en 0"]
        assert stack.webs[0].log.count("is broken") == 3
        stack.assert_clean_logs("inbox entry", "Traceback")
