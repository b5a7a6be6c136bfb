"""What a node says of itself, in the protocol's members."""

import time

from agent.hardware import Meter, hardware
from agent.pipelines.base import Capabilities, Service
from agent.statement import stated
from scheduling.messages import Device, ServiceState, ServiceType

SERVICES = (
    Service("ears", ServiceType.ASR, Device.GPU, model_id="ears-large"),
    Service("mind", ServiceType.NMT),
    Service("mouth", ServiceType.TTS, version="2.1"),
)


def test_named_pairs_are_stated_and_bound_the_translator() -> None:
    said = stated(Capabilities(SERVICES, ("en", "es"), ("en", "pt"), (("en", "pt"), ("es", "en"))))
    languages = said["language_capabilities"]
    assert languages.asr_languages == ["en", "es"]
    assert languages.tts_languages == ["en", "pt"]
    pairs = [(pair.src, pair.tgt) for pair in languages.supported_language_pairs or []]
    assert pairs == [("en", "pt"), ("es", "en")]
    (nmt,) = languages.nmt_capabilities or []
    assert (nmt.model_id, nmt.rule, nmt.languages) == ("mind", "specific_pairs", ["en", "es", "pt"])


def test_without_named_pairs_the_translator_does_any() -> None:
    languages = stated(Capabilities(SERVICES, ("en",), ("pt",)))["language_capabilities"]
    assert languages.supported_language_pairs is None
    (nmt,) = languages.nmt_capabilities or []
    assert (nmt.rule, nmt.supported_pairs) == ("any_to_any", None)


def test_services_run_and_types_are_ready_by_them() -> None:
    said = stated(Capabilities(SERVICES[:2], ("en",), ()))
    ears = said["installed_services"][0]
    assert (ears.service_id, ears.device, ears.model_id) == ("ears", Device.GPU, "ears-large")
    assert {each.status for each in said["installed_services"]} == {ServiceState.RUNNING}
    by_type = {each.type: each for each in said["capability_by_type"]}
    assert by_type[ServiceType.ASR].ready_impl_ids == ["ears"]
    assert (by_type[ServiceType.TTS].ready, by_type[ServiceType.TTS].reason) == (False, "no_impl")


def test_the_machine_is_measured() -> None:
    machine = hardware()
    assert machine.cpu_cores >= 1 and machine.memory_gb >= 1
    usage = Meter(has_gpu=False).usage(3)
    assert 0 <= usage.cpu_percent <= 100 and 0 < usage.mem_percent <= 100
    assert usage.running_jobs == 3
    assert (usage.gpu_percent, usage.gpu_mem_percent) == (None, None)


def test_a_cpu_node_is_not_busy_with_its_own_work() -> None:
    """Whisper on two cores read as 100% and the server kept work away, from a node that did nothing else."""
    alone, everybody = Meter(has_gpu=False), Meter(has_gpu=True)
    until = time.process_time() + 0.5
    while time.process_time() < until:
        pass
    assert alone.usage(1).cpu_percent < everybody.usage(1).cpu_percent
