"""The operators' API on real web processes, with nodes and clients over real sockets."""

import http.client
import json
from typing import Any

import pytest

from tests.stack import Stack, wait_until

Pair = tuple[str, str]


def ask(stack: Stack, method: str, path: str, body: Any = None, web: int = 0) -> tuple[int, dict[str, Any]]:
    """Give status and JSON."""
    connection = http.client.HTTPConnection("127.0.0.1", stack.webs[web].port, timeout=10)
    try:
        data = body if isinstance(body, str) else None if body is None else json.dumps(body)
        connection.request(method, f"/api/v1/{path}", data)
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def get(stack: Stack, path: str, web: int = 0) -> dict[str, Any]:
    status, body = ask(stack, "GET", path, web=web)
    assert status == 200, body
    return body


def code(stack: Stack, method: str, path: str, body: Any = None) -> tuple[int, str]:
    status, answer = ask(stack, method, path, body)
    assert set(answer) == {"error"}
    assert answer["error"]["message"].endswith(".")
    return status, answer["error"]["code"]


def waiting(stack: Stack, pair: Pair) -> list[dict[str, Any]]:
    """Give the waiting jobs of a pair."""
    jobs = get(stack, "jobs?state=waiting")["jobs"]
    return [job for job in jobs if job["pair"] == "→".join(pair)]


def test_a_job_that_waits_says_why_and_at_which_position(stack: Stack, pair: Pair) -> None:
    with stack.node(pair, slots=1, answer=None) as node, stack.client(*pair, web=1) as client:
        for _ in range(3):
            client.say()
        wait_until(lambda: len(waiting(stack, pair)) == 2, "two to wait")
        found = [get(stack, f"jobs/{job['job_id']}/explain") for job in waiting(stack, pair)]
        last = max(found, key=lambda one: one["waiting"]["position"])
        assert last["waiting"]["position"] == 2
        assert last["sentence"] == f"It waits for a free slot: number 2 of 2 for {'→'.join(pair)}."
        assert last["pair"]["outcome"] == "waits"
        first = get(stack, f"jobs/{node.job()['job_id']}/explain")
        assert first["attempts"] == [{"attempt": 1, "node": node.node_id, "outcome": "dispatched"}]
        node.answer_with = lambda job: {"success": True, "text_asr": "x", "text_translated": "y"}
        node.answer(node.job())
        client.result(3)
        ended = get(stack, f"jobs/{node.job()['job_id']}")
        assert ended["state"] == "done"


def test_a_node_that_gets_no_work_says_why(stack: Stack, pair: Pair) -> None:
    with stack.node(pair, slots=1) as node:
        place = f"nodes/{node.node_id}/explain"
        assert get(stack, place)["hindrances"] == []
        node.heartbeat(running_jobs=1, cpu_percent=95)
        wait_until(lambda: bool(get(stack, place)["hindrances"]), "it to be noticed")
        found = get(stack, place)
        said = {item["reason"]: item["says"] for item in found["hindrances"]}
        assert said["resource_threshold_exceeded"] == "It is overloaded: cpu 95 %; the threshold is 85 %."
        assert (
            said["capacity_exceeded"] == "No slot of 1 is free: 0 in use by our jobs, 1 held by other work."
        )
        assert found["serves"]["pairs"] == ["→".join(pair)]
    wait_until(lambda: get(stack, f"nodes/{node.node_id}")["status"] == "offline", "it to leave")
    assert [item["reason"] for item in get(stack, place)["hindrances"]] == ["offline"]


def test_a_pair_says_who_would_take_it(stack: Stack, pair: Pair) -> None:
    asked = f"explain?src={pair[0]}&tgt={pair[1]}"
    assert get(stack, asked)["outcome"] == "refused"
    with stack.node(pair) as node, stack.node((pair[0], "elsewhere")):
        found = get(stack, asked, web=1)
        assert (found["outcome"], found["node"]) == ("placed", node.node_id)
        assert {item["reason"] for item in found["excluded"]} >= {"lang_pair_unsupported"}
        assert get(stack, f"{asked}&services=asr,nmt,tts,tone")["outcome"] == "refused"


def test_a_drained_node_gets_no_new_work_until_it_is_undrained(stack: Stack, pair: Pair) -> None:
    with stack.node(pair) as node, stack.client(*pair) as client:
        client.say()
        client.result(1)
        status, body = ask(stack, "POST", f"nodes/{node.node_id}/drain", {"reason": "new driver"})
        assert (status, body["status"], body["why"]) == (200, "draining", "draining")
        assert node.wait("node_status", status="draining")["reason"] == "new driver"
        (found,) = get(stack, f"nodes/{node.node_id}/explain")["hindrances"]
        assert (found["reason"], found["says"]) == (
            "draining",
            "It drains by an operator's wish: new driver.",
        )
        client.say()
        wait_until(lambda: len(waiting(stack, pair)) == 1, "the second to wait")
        node.heartbeat()
        assert len(node.jobs) == 1
        assert ask(stack, "POST", f"nodes/{node.node_id}/undrain")[0] == 200
        node.heartbeat()
        client.result(2)
        assert len(node.jobs) == 2


def test_a_node_of_another_web_process_can_be_drained(stack: Stack, pair: Pair) -> None:
    with stack.node(pair, web=1) as node:
        assert ask(stack, "POST", f"nodes/{node.node_id}/quarantine", {"reason": "bad"})[0] == 200
        reasons = [item["reason"] for item in get(stack, f"nodes/{node.node_id}/explain")["hindrances"]]
        assert reasons == ["quarantined"]
        assert ask(stack, "POST", f"nodes/{node.node_id}/undrain")[0] == 200


def test_cancelling_a_job_tells_its_client_and_frees_its_slot(stack: Stack, pair: Pair) -> None:
    with stack.node(pair, slots=1, answer=None) as node, stack.client(*pair, web=1) as client:
        client.say()
        client.say()
        job_id = node.job()["job_id"]
        status, body = ask(stack, "POST", f"jobs/{job_id}/cancel", {"reason": "by mistake"})
        assert (status, body["state"]) == (200, "cancelled")
        assert client.wait("error")["message"] == "An operator cancelled this utterance: by mistake"
        assert client.result()["type"] == "missing_result"
        assert node.wait("job_cancel")["job_id"] == job_id
        second = node.job(2)
        assert ask(stack, "POST", f"jobs/{job_id}/cancel")[0] == 200, "asking twice is no error"
        (waiting_or_running,) = [second["job_id"]]
        node.answer(second)
        client.result(2)
        assert code(stack, "POST", f"jobs/{waiting_or_running}/cancel") == (409, "CONFLICT")


def test_a_waiting_job_can_be_cancelled(stack: Stack, pair: Pair) -> None:
    with stack.node(pair, slots=1, answer=None) as node, stack.client(*pair) as client:
        client.say()
        client.say()
        first = node.job()
        wait_until(lambda: len(waiting(stack, pair)) == 1, "the second to wait")
        (job,) = waiting(stack, pair)
        assert ask(stack, "POST", f"jobs/{job['job_id']}/cancel")[0] == 200
        node.answer(first)  # the client is told in its turn
        client.wait("error", message="An operator cancelled this utterance.")


def test_lists_show_nodes_and_pools(stack: Stack, pair: Pair) -> None:
    with stack.node(pair, slots=3) as node:
        (shown,) = [one for one in get(stack, "nodes?limit=500")["nodes"] if one["node_id"] == node.node_id]
        assert shown["slots"] == {"most": 3, "used": 0, "held": 0, "free": 3}
        assert shown == get(stack, f"nodes/{node.node_id}")
        pools = get(stack, "pools?limit=500")["pools"]
        assert [pool["members"] for pool in pools if "→".join(pair) in pool["sample_pairs"]] == [1]


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "nodes/ghost", (404, "NOT_FOUND")),
        ("GET", "nodes/ghost/explain", (404, "NOT_FOUND")),
        ("GET", "jobs/ghost", (404, "NOT_FOUND")),
        ("GET", "jobs/ghost/explain", (404, "NOT_FOUND")),
        ("GET", "nowhere", (404, "NOT_FOUND")),
        ("POST", "nodes/ghost/drain", (404, "NOT_FOUND")),
        ("POST", "jobs/ghost/cancel", (404, "NOT_FOUND")),
        ("POST", "nodes", (405, "METHOD_NOT_ALLOWED")),
        ("GET", "nodes/ghost/drain", (405, "METHOD_NOT_ALLOWED")),
        ("GET", "nodes?limit=0", (400, "INVALID_MESSAGE")),
        ("GET", "nodes?limit=99999", (400, "INVALID_MESSAGE")),
        ("GET", "nodes?limit=x", (400, "INVALID_MESSAGE")),
        ("GET", "nodes?cursor=x", (400, "INVALID_MESSAGE")),
        ("GET", "jobs?cursor=x", (400, "INVALID_MESSAGE")),
        ("GET", "jobs?state=asleep", (400, "INVALID_MESSAGE")),
        ("GET", "explain", (400, "INVALID_MESSAGE")),
        ("GET", "explain?src=en", (400, "INVALID_MESSAGE")),
        ("GET", "explain?src=e%20n&tgt=pt", (400, "INVALID_MESSAGE")),
        ("GET", "explain?src=en&tgt=pt&services=asr,cooking", (400, "INVALID_MESSAGE")),
        ("GET", "explain?src=en&tgt=pt&services=", (400, "INVALID_MESSAGE")),
        ("GET", "explain?src=auto&tgt=pt&auto_langs=" + "en," * 31, (400, "INVALID_MESSAGE")),
    ],
)
def test_errors_are_json_with_a_sentence(
    stack: Stack, method: str, path: str, expected: tuple[int, str]
) -> None:
    assert code(stack, method, path) == expected


@pytest.mark.parametrize("body", ["{", "[]", '"x"', '{"reason": 5}', "\x00"])
def test_a_body_that_is_not_as_expected_changes_nothing(stack: Stack, pair: Pair, body: str) -> None:
    with stack.node(pair) as node:
        assert code(stack, "POST", f"nodes/{node.node_id}/drain", body) == (400, "INVALID_MESSAGE")
        assert get(stack, f"nodes/{node.node_id}")["status"] == "ready"


def test_without_the_store_the_api_says_so() -> None:
    with Stack(store_timeout_s=0.3) as own:
        own.valkey.kill()
        for path in ("nodes", "pools", "jobs", "explain?src=en&tgt=pt", "nodes/n/explain"):
            assert code(own, "GET", path) == (503, "SCHEDULER_DEPENDENCY_DOWN")
        own.assert_clean_logs()
