"""What a node states about itself: its capabilities in the members of the protocol."""

from __future__ import annotations

from typing import TypedDict

from agent.pipelines.base import Capabilities, Service
from scheduling.messages import (
    CapabilityByType,
    InstalledService,
    LanguagePair,
    NmtCapability,
    NodeLanguageCapabilities,
    ServiceState,
    ServiceType,
)

#: The types every registration speaks about, ready or not.
_TYPES = (ServiceType.ASR, ServiceType.NMT, ServiceType.TTS, ServiceType.TONE, ServiceType.SEMANTIC)


class Stated(TypedDict):
    """The members that ``node_register`` and ``node_heartbeat`` share."""

    installed_services: list[InstalledService]
    capability_by_type: list[CapabilityByType]
    language_capabilities: NodeLanguageCapabilities


def stated(capabilities: Capabilities) -> Stated:
    """State the capabilities of a loaded pipeline. Its services run, so what is listed is ready."""
    return {
        "installed_services": [_installed(service) for service in capabilities.services],
        "capability_by_type": [_by_type(capabilities, each) for each in _TYPES],
        "language_capabilities": _languages(capabilities),
    }


def _installed(service: Service) -> InstalledService:
    return InstalledService(
        service_id=service.service_id,
        type=service.type,
        device=service.device,
        status=ServiceState.RUNNING,
        version=service.version,
        model_id=service.model_id,
        engine=service.engine,
    )


def _by_type(capabilities: Capabilities, kind: ServiceType) -> CapabilityByType:
    ids = [service.service_id for service in capabilities.services if service.type == kind]
    if not ids:
        return CapabilityByType(type=kind, ready=False, reason="no_impl")
    return CapabilityByType(type=kind, ready=True, ready_impl_ids=ids)


def _languages(capabilities: Capabilities) -> NodeLanguageCapabilities:
    """Pairs are stated where the pipeline names them; else the translator's rule says "any to any"."""
    pairs = capabilities.pairs
    named = None if pairs is None else [LanguagePair(src=src, tgt=tgt) for src, tgt in pairs]
    translators = [service for service in capabilities.services if service.type == ServiceType.NMT]
    return NodeLanguageCapabilities(
        asr_languages=list(capabilities.asr_languages),
        tts_languages=list(capabilities.tts_languages),
        nmt_capabilities=[_nmt(service, capabilities, named) for service in translators],
        supported_language_pairs=named,
    )


def _nmt(service: Service, capabilities: Capabilities, pairs: list[LanguagePair] | None) -> NmtCapability:
    return NmtCapability(
        model_id=service.model_id or service.service_id,
        languages=sorted({*capabilities.asr_languages, *capabilities.tts_languages}),
        rule="any_to_any" if pairs is None else "specific_pairs",
        supported_pairs=pairs,
    )
