"""Every series of ``/metrics``: its name, kind, labels and meaning, in one table.

No label takes a value that a peer chooses, but for services, of which `MOST_SERVICES` are shown.
``docs/monitoring.md`` has the same table; `metrics_table` writes it.
"""

from dataclasses import dataclass
from typing import Final, Literal, Protocol

PREFIX: Final = "speech_dispatch_"

Kind = Literal["counter", "gauge", "histogram"]
Scope = Literal["cell", "web", "worker", "process"]


@dataclass(frozen=True, slots=True)
class Definition:
    """One family of series; histograms are of seconds."""

    name: str
    """Without `PREFIX`."""
    kind: Kind
    scope: Scope
    """``cell``: the same whoever answers; the others have a label ``instance``, of a web process, a worker,
    or either (``process``)."""
    help: str
    labels: tuple[str, ...] = ()
    """Without ``instance``."""

    @property
    def full_name(self) -> str:
        """The name Prometheus knows."""
        return PREFIX + self.name

    @property
    def all_labels(self) -> tuple[str, ...]:
        """Labels in the order of a sample's values."""
        return self.labels if self.scope == "cell" else (*self.labels, "instance")


class _Maker(Protocol):
    def __call__(self, name: str, words: str, *labels: str) -> Definition: ...


def _makers(scope: Scope) -> tuple[_Maker, _Maker, _Maker]:
    """Give what makes the gauges, counters and histograms of a scope."""

    def maker(kind: Kind) -> _Maker:
        return lambda name, words, *labels: Definition(name, kind, scope, words, labels)

    return maker("gauge"), maker("counter"), maker("histogram")


def _cell() -> tuple[Definition, ...]:
    gauge, counter, histogram = _makers("cell")
    return (
        gauge(
            "ledger_up", "1 if the ledger answered this scrape; without it nothing else of the cell is told"
        ),
        gauge("nodes", "Connected nodes", "status"),
        gauge("slots", "Slots of connected nodes"),
        gauge("leases", "Slots that a running attempt holds"),
        gauge("waiting_jobs", "Jobs that wait for a slot"),
        gauge("oldest_waiting_seconds", "For how long the oldest waiting job has waited"),
        gauge("dead_letters", "Jobs that took their nodes with them and are kept for a look"),
        gauge("rooms", "Open rooms"),
        gauge("pools", "Pools"),
        gauge("workers", "Background workers heard within 10 s", "queue"),
        gauge("beats", "Clocks of periodic tasks heard within 10 s"),
        gauge("instances", "Web processes by how they are", "state"),
        gauge("instance_silent_seconds", "For how long a web process has not been heard", "instance"),
        gauge("inbox_entries", "Hints that wait for a web process", "instance"),
        gauge("outbox_entries", "Work recorded for the background and not done", "stream"),
        gauge("body_bytes", "Audio and speech kept now", "kind"),
        gauge("body_budget_bytes", "Audio and speech that may be kept at once (BODY_BUDGET)"),
        gauge("redis_memory_bytes", "What the ledger's server takes, all it holds included"),
        gauge("redis_memory_limit_bytes", "Its maxmemory; 0 for none"),
        gauge(
            "lock_wait_seconds",
            "Always 0: scripts change what is shared, and nothing waits for a lock (script_seconds instead)",
        ),
        gauge("wanted_slots", "Slots that would serve the present load (GET /api/v1/autoscaling)"),
        gauge("wanted_processes", "The same for processes", "kind"),
        counter("jobs_total", "Jobs since the cell was opened, by what happened", "event"),
        counter("instances_lost_total", "Web processes declared dead"),
        histogram("job_seconds", "From placed to result, of jobs that were done"),
    )


def _web() -> tuple[Definition, ...]:
    gauge, counter, histogram = _makers("web")
    return (
        histogram(
            "flow_seconds", "Inside the server: register, heartbeat, create, dispatch, complete", "flow"
        ),
        histogram("first_audio_seconds", "From the end of speech to the first translated audio sent"),
        histogram("queue_wait_seconds", "From placed to handed to a node, first attempts"),
        histogram("script_seconds", "A script as its caller sees it: network and server", "script"),
        histogram("redis_command_seconds", "A plain command, likewise"),
        histogram("redis_loop_seconds", "What our own event loop adds to a call of Redis"),
        histogram("event_loop_lag_seconds", "How late the event loop wakes who sleeps"),
        gauge("sockets", "Open WebSockets"),
        gauge("nodes_connected", "Nodes whose socket is here"),
        gauge("sessions", "Sessions whose socket is here"),
        gauge("redis_up", "1 unless the last sweep of the ledger failed"),
        gauge("sweep_age_seconds", "Since the last sweep ended, well or not"),
        gauge("broker_state", "1 for what Celery's broker is: ok, unreachable, silent", "state"),
        gauge("queue_messages", "Messages in Celery's queue when this process looked last", "queue"),
        gauge("outbox_age_seconds", "For how long the oldest result has waited to be formatted"),
        gauge("pools_age_seconds", "For how long the oldest change of nodes has waited for its pools"),
        gauge("busy_ratio", "Share of one core that this process used over the last seconds"),
        gauge("model_missing_nodes", "Nodes that are marked to lack a service they offer", "service"),
        gauge("service_speed_ratio", "Seconds of audio per second of work, mean of nodes here", "service"),
        gauge("service_catalog_failures", "Fetches of the model hub's catalogue that failed in a row"),
        gauge("service_catalog_age_seconds", "Since the catalogue was fetched; 0 without a model hub"),
        counter("refused_total", "Utterances refused, by error code", "code"),
        counter("limited_total", "What limits refused or held back (docs/limits.md)", "limit"),
        counter("credentials_refused_total", "Peers and requests without a right credential", "reason"),
        counter("audio_seconds_total", "Audio of accepted utterances"),
        counter("utterances_total", "Utterances accepted"),
        counter("results_total", "Results on record"),
        counter("stale_messages_total", "Messages of nodes about attempts that no longer run"),
        counter("utterances_cut_total", "Utterances cut from streams, by what ended them", "reason"),
        counter("reruns_total", "Recognitions that nodes tried again, by outcome", "kind"),
        counter("results_by_quality_total", "Results by the quality their node stated", "level"),
        counter(
            "results_by_language_probability_total", "Results by how sure the node was", "at_most"
        ),
        counter("canaries_total", "Recordings of known text sent to nodes, by what came back", "result"),
        counter(
            "canary_findings_total",
            "Nodes wrong too often: quarantined, kept as no other one was right, or spared for their tier",
            "action",
        ),
        counter("handshakes_refused_total", "Sockets told to come later because too many came at once"),
        counter("sockets_closed_total", "WebSockets that ended, by close code", "code"),
        counter("peers_sent_elsewhere_total", "Sockets sent to another process to spread them"),
        counter("redis_events_total", "What befell calls and connections of the ledger", "event"),
        counter("wakeups_published_total", "Tasks published to Celery's broker"),
        counter("wakeup_failures_total", "Times the broker took no message"),
        counter("fallback_drains_total", "Times this process did the work because no worker had"),
    )  # fmt: skip


def _worker() -> tuple[Definition, ...]:
    gauge, counter, histogram = _makers("worker")
    return (
        histogram("task_seconds", "A Celery task from its start to its end", "task"),
        histogram("task_age_seconds", "From a task's publishing to its start", "task"),
        counter("task_failures_total", "Tasks that raised something", "task"),
        counter("tasks_taken_total", "Tasks taken from the queue"),
        gauge("tasks_running", "Tasks at work now"),
        gauge("tasks_at_once", "Tasks it may work on at once"),
        gauge("worker_idle_seconds", "Since it last took a task, or began", "queue"),
        gauge("worker_busy_ratio", "Tasks at work, mean of the last seconds"),
    )


def _process() -> tuple[Definition, ...]:
    gauge, counter, _ = _makers("process")
    return (
        gauge("info", "Always 1", "kind", "version"),
        gauge("start_time_seconds", "When it started, s since 1970"),
        counter("cpu_seconds_total", "Processor time used, of a worker without its children"),
        gauge("resident_memory_bytes", "Memory, of a worker without its children"),
    )


DEFINITIONS: Final = {one.name: one for one in (*_cell(), *_web(), *_worker(), *_process())}

#: Services shown of one process; those that most nodes have.
MOST_SERVICES: Final = 20


def metrics_table() -> str:
    """Describe every series as a Markdown table, for ``docs/monitoring.md``."""
    rows = ["| series | kind | of | labels | meaning |", "|---|---|---|---|---|"]
    for one in DEFINITIONS.values():
        labels = ", ".join(f"`{label}`" for label in one.labels)
        rows.append(f"| `{one.full_name}` | {one.kind} | {one.scope} | {labels} | {one.help} |")
    return "\n".join(rows) + "\n"
