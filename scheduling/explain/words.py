"""The words that say why a node gets no work: what each means, and what its owner can do."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class Reason:
    """What a word means, and what helps; both are sentences."""

    meaning: str
    advice: str


#: Reasons of a node's state; the ledger keeps a set of nodes per pool and word. In the order of looking.
NODE_REASONS: Final[Mapping[str, Reason]] = MappingProxyType(
    {
        "offline": Reason(
            "The node is not connected, or was silent for too long.",
            "Start its agent, and see that it reaches the server.",
        ),
        "quarantined": Reason(
            "An operator, or wrong answers to canaries, took the node out of work until further notice.",
            "Find out why, then end it with undrain.",
        ),
        "draining": Reason(
            "The node finishes what it runs and takes nothing new.",
            "End it with undrain.",
        ),
        "status_not_ready": Reason(
            "The node has not shown that it is healthy.",
            "See that its services run: one heartbeat with a ready service makes it ready.",
        ),
        "away": Reason(
            "Its socket closed a moment ago and it may come back.",
            "Wait a moment; if it stays away, look at the agent and its network.",
        ),
        "silent": Reason(
            "Its heartbeat is late: more than 1.5 of its own intervals.",
            "Look whether the agent hangs or its network is slow.",
        ),
        "instance_silent": Reason(
            "The web process that holds its socket is not heard.",
            "Look at the web processes; the agent comes back by itself.",
        ),
        "breaker_open": Reason(
            "It failed several jobs in a row and rests; then one job shows whether it works again.",
            "Read its agent's log; it is tried again by itself.",
        ),
        "resource_threshold_exceeded": Reason(
            "Its CPU, GPU or memory use is above the threshold.",
            "Free the machine of other work, or raise RESOURCE_THRESHOLD.",
        ),
        "capacity_exceeded": Reason(
            "All its slots are in use.",
            "Add nodes, or slots if the machine can bear more.",
        ),
    }
)

#: Reasons of what a node can do: it will never serve the request as it is.
CLASS_REASONS: Final[Mapping[str, Reason]] = MappingProxyType(
    {
        "not_in_public_pool": Reason(
            "The node is private to another tenant, or the configured pools leave it out.",
            "Name the tenant, or let the node accept public jobs.",
        ),
        "model_not_available": Reason(
            "A service that the job needs is not ready on the node.",
            "Install the model and start the service.",
        ),
        "lang_pair_unsupported": Reason(
            "The node does not translate between these languages.",
            "Add the pair to its translation model or its statement.",
        ),
        "asr_lang_unsupported": Reason(
            "The node does not recognise the source language.",
            "Add the language to its recogniser.",
        ),
        "src_auto_no_candidate": Reason(
            "The node recognises none of the languages the speaker may use.",
            "Name other languages, or add one of them to its recogniser.",
        ),
        "tts_lang_unsupported": Reason(
            "The node does not speak the target language.",
            "Add a voice for it.",
        ),
    }
)

#: Reasons that keep a node from being registered at all, so that no count of them exists.
REGISTRATION_REASONS: Final[Mapping[str, Reason]] = MappingProxyType(
    {
        "gpu_unavailable": Reason(
            "The node states no GPU and was refused at registration (NO_GPU_AVAILABLE).",
            "Add a GPU, or run the server with REQUIRE_GPU=0.",
        ),
        "no_pool": Reason(
            "The node is in no pool yet.",
            "Wait a second; if it lasts, see that a worker or web process runs.",
        ),
    }
)

REASONS: Final[Mapping[str, Reason]] = MappingProxyType(
    {**CLASS_REASONS, **NODE_REASONS, **REGISTRATION_REASONS}
)

_UNKNOWN: Final = Reason("This version has no words for it.", "Update the server.")


def reason(word: str) -> Reason:
    """Give the meaning of a word; one of a newer version is called unknown."""
    return REASONS.get(word, _UNKNOWN)


def words_table() -> str:
    """Describe every word as a Markdown table, for ``docs/operating.md``."""
    rows = ["| word | what it means | what to do |", "|---|---|---|"]
    rows += [f"| `{word}` | {item.meaning} | {item.advice} |" for word, item in REASONS.items()]
    return "\n".join(rows) + "\n"
