"""For each alert the series on which it must fire, and those on which it must not; minutes apart by 15 s.

The notation is promtool's: ``0+1x20`` counts up, ``1x20`` stays, ``_`` is no sample.
"""

from typing import NamedTuple

_WEB = 'instance="web-1"'


class Case(NamedTuple):
    """Series by name and labels, what they do when all is well and when it is not, and when to look (min)."""

    series: dict[str, tuple[str, str]]
    at_min: int = 15


def _one(name: str, well: str, ill: str, at_min: int = 15) -> Case:
    return Case({name: (well, ill)}, at_min)


def _histogram(name: str, labels: str, fast: str, slow: str) -> Case:
    """Ten a look: within the fast bound when all is well, within the slow one when it is not."""
    whole = ("0+10x80", "0+10x80")
    buckets = {
        f'{name}_bucket{{{labels}le="{fast}"}}': ("0+10x80", "0x80"),
        f'{name}_bucket{{{labels}le="{slow}"}}': whole,
        f'{name}_bucket{{{labels}le="+Inf"}}': whole,
    }
    return Case(buckets)


FIRING: dict[str, Case] = {
    "ServerDown": _one('up{job="speech-dispatch"}', "1x80", "0x80"),
    "LedgerDown": _one("speech_dispatch_ledger_up", "1x80", "0x80"),
    "LedgerRefusesSweeps": _one(f"speech_dispatch_redis_up{{{_WEB}}}", "1x80", "0x80"),
    "InstanceLost": _one("speech_dispatch_instances_lost_total", "3x80", "3x40 4x40"),
    "SweepStuck": _one(f"speech_dispatch_sweep_age_seconds{{{_WEB}}}", "0.5x80", "0+15x80"),
    "EventLoopLate": _histogram("speech_dispatch_event_loop_lag_seconds", f"{_WEB},", "0.01", "1.27"),
    "SlowLedger": _histogram("speech_dispatch_script_seconds", 'script="reserve",', "0.001", "0.5"),
    "LedgerMemory": Case(
        {
            "speech_dispatch_redis_memory_bytes": ("50x80", "95x80"),
            "speech_dispatch_redis_memory_limit_bytes": ("100x80", "100x80"),
        }
    ),
    "BodyBudget": Case(
        {
            'speech_dispatch_body_bytes{kind="audio"}': ("20x80", "60x80"),
            'speech_dispatch_body_bytes{kind="speech"}': ("20x80", "35x80"),
            "speech_dispatch_body_budget_bytes": ("100x80", "100x80"),
        }
    ),
    "NoReadyNode": _one('speech_dispatch_nodes{status="ready"}', "1x80", "0x80"),
    "NodesLost": _one('speech_dispatch_nodes{status="ready"}', "10x80", "10x48 5x40"),
    "NodesDegraded": Case(
        {
            'speech_dispatch_nodes{status="ready"}': ("9x80", "7x80"),
            'speech_dispatch_nodes{status="degraded"}': ("1x80", "3x80"),
        }
    ),
    "JobsWait": _one("speech_dispatch_oldest_waiting_seconds", "0.2x80", "4x80"),
    "TooFewSlots": Case(
        {
            "speech_dispatch_wanted_slots": ("5x80", "15x80"),
            "speech_dispatch_slots": ("10x80", "10x80"),
        }
    ),
    "Refusing": Case(
        {
            f'speech_dispatch_refused_total{{code="NODE_OVERLOADED",{_WEB}}}': ("0+1x80", "0+5x80"),
            f'speech_dispatch_flow_seconds_count{{flow="create",{_WEB}}}': ("0+20x80", "0+20x80"),
        }
    ),
    "JobsFail": Case(
        {
            'speech_dispatch_jobs_total{event="done"}': ("0+99x80", "0+90x80"),
            'speech_dispatch_jobs_total{event="failed"}': ("0+1x80", "0+10x80"),
        }
    ),
    "DeadLetter": _one('speech_dispatch_jobs_total{event="dead"}', "1x80", "1x40 2x40"),
    "NodeAnswersNonsense": _one(
        f'speech_dispatch_canary_findings_total{{action="quarantined",{_WEB}}}', "1x80", "1x40 2x40"
    ),
    "CredentialsGuessed": _one(f'speech_dispatch_limited_total{{limit="guesses",{_WEB}}}', "0x80", "0+20x80"),
    "SlowFirstAudio": _histogram("speech_dispatch_first_audio_seconds", f"{_WEB},", "1.27", "10.1"),
    "NoWorker": _one('speech_dispatch_workers{queue="drain"}', "1x80", "0x80"),
    "WorkerNotConsuming": Case(
        {
            'speech_dispatch_worker_idle_seconds{queue="drain",instance="drain@a-1"}': ("2x80", "0+15x80"),
            f'speech_dispatch_queue_messages{{queue="drain",{_WEB}}}': ("3x80", "3x80"),
        }
    ),
    "BrokerAway": _one(f'speech_dispatch_broker_state{{state="unreachable",{_WEB}}}', "0x80", "1x80"),
    "ResultsLate": _one(f"speech_dispatch_outbox_age_seconds{{{_WEB}}}", "0.1x80", "0+5x80"),
    "TasksFail": _one(
        'speech_dispatch_task_failures_total{task="settle",instance="control@a-1"}', "0x80", "0+1x80"
    ),
    "BeatMissing": _one("speech_dispatch_beats", "1x80", "0x80"),
    "StaleAttempts": Case(
        {
            f"speech_dispatch_stale_messages_total{{{_WEB}}}": ("0x80", "0+2x80"),
            f'speech_dispatch_flow_seconds_count{{flow="complete",{_WEB}}}': ("0+20x80", "0+20x80"),
        },
        at_min=18,
    ),
    "InboxGrows": _one('speech_dispatch_inbox_entries{instance="web-1"}', "10x80", "2000x80"),
}
