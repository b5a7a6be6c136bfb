"""What real processes log: a line of JSON for each event, with what it is about."""

import json
from functools import partial
from typing import Any

from tests.stack import Process, Stack, Web, wait_until
from tests.web.api.test_api import ask

Event = dict[str, Any]


def events(process: Process, said: str = "") -> list[Event]:
    """Give the events that say this; every line must be one."""
    found = [json.loads(line) for line in process.log.splitlines()]
    return [event for event in found if said in event["event"]]


def one(process: Process, said: str) -> Event:
    wait_until(lambda: bool(events(process, said)), f"{process.name} to log {said!r}")
    return events(process, said)[0]


def test_every_process_logs_json_where_no_terminal_is() -> None:
    with Stack(workers=True, beat=True) as own:
        for process in own.processes:
            wait_until(partial(events, process), f"{process.name} to log")
            for event in events(process):
                assert {"timestamp", "level", "logger", "event"} <= event.keys()
        assert one(own.webs[0], "Listening at")["logger"] == "gunicorn.error"
        own.webs[0].terminate()
        own.webs[0].wait()
        assert events(own.webs[0], "Shutting down")


def test_text_is_written_on_wish() -> None:
    with Stack(log_format="text") as own:
        assert "INFO gunicorn.error: Listening at" in own.webs[0].log


def test_the_events_of_a_session_and_a_node_name_what_they_are_about() -> None:
    with Stack() as own:
        web = own.webs[0]
        with (
            own.node(("en", "pt")) as node,
            own.client("en", "pt", tenant_id="acme", trace_id="t-1") as client,
        ):
            session = client.session_id
            client.say()
            client.result(1)
            node.answer_with = lambda job: {
                "success": False,
                "error": {"code": "PROCESSING_ERROR", "message": "x"},
            }
            client.say()
            client.wait("missing_result")
            opened = one(web, "session opened")
            assert (opened["session"], opened["trace"], opened["tenant"]) == (session, "t-1", "acme")
            assert (opened["languages"], opened["instance"]) == ("en→pt", web.stats()["instance"])
            assert one(web, "node registered")["node"] == node.node_id
            assert one(web, "node ready")["status"] == "ready"
            failed = one(web, "utterance failed")
            assert (failed["session"], failed["trace"], failed["code"]) == (
                session,
                "t-1",
                "PROCESSING_ERROR",
            )
            assert failed["job"].startswith("job-")
            ask(own, "POST", f"nodes/{node.node_id}/drain", {"reason": "new cards"})
            acted = one(web, "operator action")
            assert (acted["action"], acted["node"], acted["reason"]) == ("drain", node.node_id, "new cards")
        assert one(web, "node offline")["node"] == node.node_id
        assert one(web, "session closed")["session"] == session
        with own.client("en", "xx", trace_id="t-2") as lost:
            lost.say()
            lost.wait("error")
            refused = one(web, "utterance refused")
            assert (refused["code"], refused["trace"]) == ("UNSUPPORTED_FEATURE", "t-2")


def test_nothing_that_was_said_is_logged() -> None:
    with Stack(log_level="DEBUG") as own:
        _say_something(own, "geheim", "segredo")
        for word in ("geheim", "segredo", "c2VjcmV0IHNwZWVjaA"):
            assert word not in own.webs[0].log


def _say_something(own: Stack, heard: str, translated: str) -> None:
    with own.node(("en", "pt")) as node, own.client("en", "pt") as client:
        answer = {"success": True, "text_asr": heard, "text_translated": translated}
        node.answer_with = lambda job: {**answer, "tts_audio": "c2VjcmV0IHNwZWVjaA=="}
        client.say()
        client.result(1)


def test_requests_are_told_without_their_query_on_wish() -> None:
    with Stack(access_log=True) as own:
        web: Web = own.webs[0]
        assert web.get("/ready?token=deadbeef")[0] == 200
        asked = one(web, "request answered")
        assert (asked["method"], asked["path"], asked["status"]) == ("GET", "/ready", "200")
        assert "deadbeef" not in web.log


def test_a_job_that_goes_to_another_node_is_told_of() -> None:
    with Stack() as own, own.node(("en", "pt"), answer=None) as first, own.client("en", "pt") as client:
        client.say()
        job = first.job()
        with own.node(("en", "pt")) as second:
            first.close()
            client.result(1)
            moved = one(own.webs[0], "failover")
            assert (moved["node"], moved["attempt"]) == (second.node_id, 2)
            assert job["job_id"].startswith(moved["job"])
