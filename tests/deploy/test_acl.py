"""The rights that docs/deploy/machines.md gives the user of Redis are enough, and no more than that."""

import re
from pathlib import Path

import pytest

from scheduling.errors import CommandError
from scheduling.store.plain import PlainStore
from tests.stack import Stack, wait_until
from tests.valkey import Valkey
from web.doctor.examination import examine

_GUIDE = Path(__file__).parents[2] / "docs" / "deploy" / "machines.md"


def test_the_user_of_the_guide_can_do_all_that_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    found = re.search(r"^ +user dispatch (.+)$", _GUIDE.read_text(encoding="utf-8"), re.MULTILINE)
    assert found is not None
    with Valkey(appendonly="yes") as valkey:
        with PlainStore(valkey.url) as store:
            store.command("ACL", "SETUSER", "dispatch", *found[1].split())
        url = valkey.url.replace("//", "//dispatch:word@")
        with Stack(workers=True, beat=True, valkey=valkey, redis_url=url) as stack:
            with stack.node(("en", "pt")), stack.client("en", "pt") as client:
                client.say()
                client.result(1)
                monkeypatch.setenv("REDIS_URL", url)
                wait_until(lambda: "beat" in _well(), "the doctor to find beat")
                assert {"version", "eviction", "memory", "broker", "worker-drain", "nodes"} <= _well()
            stack.assert_clean_logs()
        with PlainStore(url) as store, pytest.raises(CommandError, match="NOPERM"):
            store.command("FLUSHALL")


def _well() -> set[str]:
    return {finding.check for finding in examine() if finding.level == "ok"}
