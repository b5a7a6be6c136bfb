"""The commands as processes: arguments, signals, exit codes."""

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from agent.wav import Recording, write_wav
from scheduling.messages import ErrorMessage, JobResult, JobStarted, NodeDrain, NodeRegister
from tests.agent.dispatcher import Dispatcher
from tests.agent.jobs import job
from tests.agent.running import in_loop
from tests.agent.session_server import SessionServer, result

PROGRAM = (sys.executable, "-m", "tests.agent.cli")
ROOT = Path(__file__).parents[2]


async def start(*arguments: str) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(*PROGRAM, *arguments, stdout=pipe, stderr=pipe, cwd=ROOT)


@in_loop
async def test_sigterm_drains_a_node_and_it_ends_well() -> None:
    arguments = (
        "--slots",
        "1",
        "--service-ms",
        "300",
        "--pairs",
        "en-pt",
        "--private",
        "--credential",
        "key",
    )
    async with Dispatcher.listen() as server:
        process = await start("node", "--url", server.url, "--pipeline", "echo", *arguments)
        node = await server.connection()
        registration = await node.register()
        assert (registration.max_concurrent_jobs, registration.credential) == (1, "key")
        assert not registration.accept_public_jobs
        await node.send(job(b"before the end"))
        await node.next_of(JobStarted)
        process.send_signal(signal.SIGTERM)
        await node.next_of(NodeDrain)
        assert (await node.next_of(JobResult)).text_asr == "before the end"
        assert await node.closed() == 1001
        _, printed = await process.communicate()
    assert process.returncode == 0
    assert b"the CPU counts instead" in printed and b"Traceback" not in printed


@in_loop
async def test_a_node_that_is_refused_ends_with_2_and_the_sentence() -> None:
    async with Dispatcher.listen() as server:
        process = await start("node", "--url", server.url, "--pipeline", "echo", "--quiet")
        node = await server.connection()
        await node.next_of(NodeRegister)
        await node.send(ErrorMessage(code="NO_GPU_AVAILABLE", message="This server takes GPU nodes only."))
        _, printed = await process.communicate()
    assert process.returncode == 2
    assert printed.decode() == "speech-dispatch node: NO_GPU_AVAILABLE: This server takes GPU nodes only.\n"


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        (["node", "--pipeline", "ecko"], 2, "There is no pipeline 'ecko'"),
        (["node", "--pipeline", "echo", "--pairs", "en"], 2, "no list of language pairs"),
        (["node", "--pipeline", "echo", "--url", "localhost:1"], 2, "no WebSocket address"),
        (["node", "--slots", "0"], 2, "must be at least 1"),
        (["node", "--heartbeat-s", "-1"], 2, "must be more than 0"),
        (["node", "--option", "x"], 2, "not of the form name=value"),
        (["say", "nowhere.wav", "--from", "en", "--to", "pt"], 1, "nowhere.wav cannot be read"),
    ],
)
def test_mistakes_are_explained(arguments: list[str], code: int, complaint: str) -> None:
    done = subprocess.run([*PROGRAM, *arguments], capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert done.returncode == code
    assert complaint in done.stderr and "Traceback" not in done.stderr


@in_loop
async def test_say_prints_its_summary_last(tmp_path: Path) -> None:
    file = tmp_path / "hello.wav"
    file.write_bytes(write_wav(Recording(b"\x01\x02" * 800, 16_000)))
    languages = ("--from", "en", "--to", "pt")
    async with SessionServer(result(0, "hello")).listen() as server:
        process = await start(
            "say", str(file), *languages, "--url", server.url, "--out", str(tmp_path), "--json"
        )
        printed, status = await process.communicate()
    assert process.returncode == 0 and status == b""
    assert printed.splitlines()[-1].startswith(
        b'{"text_asr": "hello", "text_translated": "HELLO", "tts_seconds"'
    )


def test_parsing_arguments_imports_nothing_heavy() -> None:
    code = "import sys, agent.commands; print('pydantic' in sys.modules or 'websockets' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "False"
