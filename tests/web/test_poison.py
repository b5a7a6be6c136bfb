"""A recording that kills the process of every node it comes to: real agents, which die for real."""

from tests.agent.poison import POISON
from tests.stack import Process, Stack
from tests.web.api.test_api import ask, get

NODES = ("n1", "n2", "n3", "n4")


def agent(stack: Stack, name: str, pipeline: str) -> Process:
    words = [
        "web.command", "node", "--node-id", name, "--slots", "2", "--pipeline", pipeline, "--pairs", "en-pt",
        "--heartbeat-s", "0.5", "--url", stack.webs[0].url("/ws/node"),
    ]  # fmt: skip
    return stack.start(f"agent-{name}", words)


def test_a_recording_that_kills_its_nodes_ends_with_three_of_them() -> None:
    """The fourth node lives, everybody else's work goes on, and the recording is there to be looked into."""
    with Stack(grace_ms=200, resource_threshold=100) as stack, stack.client() as client:
        agents = {name: agent(stack, name, "tests.agent.poison:PoisonPipeline") for name in NODES}
        for name in NODES:
            stack.wait_dispatchable(name)
        client.say(b"before  " * 400)
        client.say(POISON * 400)
        client.say(b"after   " * 400)
        client.result(3)
        kinds = [result["type"] for result in client.results]
        assert kinds == ["translation_result", "missing_result", "translation_result"]
        (error,) = client.all("error")
        assert error["code"] == "NODE_UNAVAILABLE"
        dead = [name for name, process in agents.items() if not process.running]
        assert len(dead) == 3
        (letter,) = get(stack, "dead")["dead"]
        assert sorted(letter["killed"]) == dead
        assert len(set(letter["killed"])) == len(letter["attempts"]) == 3
        (survivor,) = set(NODES) - set(dead)
        client.say(b"still   " * 400)
        client.result(4)
        assert stack.record_of(survivor)["why"] == ""
        replay_on_a_sturdy_node(stack, letter["job_id"], survivor)
        assert len(client.results) == 4


def replay_on_a_sturdy_node(stack: Stack, job_id: str, survivor: str) -> None:
    """The one that is left is drained, so that it is not killed as well."""
    assert ask(stack, "POST", f"nodes/{survivor}/drain")[0] == 200
    agent(stack, "sturdy", "echo")
    stack.wait_dispatchable("sturdy")
    stack.wait_kept(job_id)
    status, replayed = ask(stack, "POST", f"dead/{job_id}/replay")
    assert status == 200
    found = get(stack, f"utterances/{replayed['replay']}?wait_s=20")
    assert found["result"]["text_asr"] == (POISON * 400).decode()
