"""How each command that a document tells people to type is run, so that none of them rots.

A command that no pattern matches fails `test_commands`: add a test that runs it, and say here which.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Run:
    """Commands that match ``pattern`` whole are run by ``by``: a test, a file of tests, or a script of CI."""

    pattern: str
    by: str


@dataclass(frozen=True, slots=True)
class NotRun:
    """Commands that match ``pattern`` whole are run by nobody, for a reason."""

    pattern: str
    reason: str


_SPEECH = r"(?:\.venv/bin/)?speech-dispatch "
_LONG = "it takes minutes of a whole machine; its parts are tested in tests/bench/"

RUNS = (
    Run(r"make (?:install|test|chaos)", ".ci/run"),
    Run(r"make docs", ".ci/run"),
    Run(r"make demo", "tests/web/command/test_demo.py"),
    Run(r"make (?:run|sandbox)(?: ARGS=\".*\")?", "tests/web/command/test_up.py"),
    Run(r"make overload", "tests/bench/test_overload.py"),
    Run(r"make storm", "tests/web/test_storm.py"),
    Run(r"make ledger-run.*", "tests/bench/test_ledger_run.py"),
    Run(r"make soak", "tests/bench/test_soak.py::test_a_short_soak_loses_nothing"),
    Run(r"pip install \.", ".ci/sandbox"),
    Run(rf"{_SPEECH}up --echo", ".ci/sandbox"),
    Run(rf"echo '.*' \| {_SPEECH}session", ".ci/sandbox"),
    Run(r"curl --data-binary .*/api/v1/utterances\?.*", ".ci/sandbox"),
    Run(rf"{_SPEECH}session", "tests/agent/test_typed.py"),
    Run(rf"{_SPEECH}node --pipeline examples\..*", "tests/handbook/test_ten_minutes.py"),
    Run(rf"{_SPEECH}node --pipeline (?:speech|echo).*", "tests/agent/test_commands.py"),
    Run(rf"{_SPEECH}say tests/data/.*", "tests/handbook/test_ten_minutes.py"),
    Run(rf"(?:REDIS_URL=\S+ )?{_SPEECH}(?:web|worker|beat|flower)", "tests/web/command/test_services.py"),
    Run(rf"{_SPEECH}(?:nodes|pools|jobs|explain .*|(?:un)?drain .*)", "tests/web/command/test_operator.py"),
    Run(rf"{_SPEECH}token .*", "tests/web/command/test_token.py"),
    Run(rf"CREDENTIALS_FILE=\S+ HOST=\S+ {_SPEECH}web", "tests/web/test_open_mode.py"),
    Run(rf"SPEECH_DISPATCH_TOKEN=\S+ {_SPEECH}(?:node|say) .*", "tests/agent/test_credentials.py"),
    Run(rf"OTEL_EXPORTER_OTLP_ENDPOINT=\S+ {_SPEECH}web", "tests/web/test_tracing.py"),
    Run(rf"{_SPEECH}check (?:web|worker).*", "tests/tasks/test_probe.py"),
    Run(rf"{_SPEECH}doctor(?: --url \S+)?", "tests/web/command/test_doctor.py"),
    Run(rf"{_SPEECH}top", "tests/web/command/test_top.py"),
    Run(rf"{_SPEECH}audit", "tests/web/api/test_audit.py"),
    Run(rf"{_SPEECH}usage.*", "tests/web/api/test_usage.py"),
    Run(
        r"redis-cli (?:bgsave|info persistence .*|config set auto-aof-rewrite-.*)", "tests/web/test_backup.py"
    ),
    Run(r"(?:tar|cp) .*/var/lib/valkey.*", "tests/web/test_backup.py"),
    Run(r"make fuzz", ".ci/run"),
    Run(rf"{_SPEECH}dead (?:list|show .*|replay .*|drop .*)", "tests/web/api/test_dead.py"),
    Run(rf"{_SPEECH}simulate.*", "tests/web/command/test_simulate.py"),
    Run(r"node --experimental-websocket examples/speak\.mjs .*", "tests/client_js/test_example.py"),
    Run(r"npm install \./web/pages/static/client", "tests/client_js/test_example.py"),
)  # fmt: skip

NOT_RUN = (
    NotRun(r"make (?:lint|format)", "CI runs what they run by itself, and says which of it fails"),
    NotRun(r"make test ARGS=.*", "one may not run the tests within the tests"),
    NotRun(r"\.ci/run", "it is what runs everything else"),
    NotRun(r"make (?:bench|bench-report|profile|soak-long|chaos-long|deploy-test)(?: ARGS=.*)?", _LONG),
    NotRun(r"make (?:chaos|overload|storm) ARGS=.*", _LONG),
    NotRun(r"python -m bench\.simulations", _LONG),
    NotRun(r"(?:pip install honcho|.* honcho start .*)", "another runner of the Procfile; tried by hand"),
    NotRun(r"make fuzz ARGS=.*", _LONG),
    NotRun(r"make monitor", "it installs a Prometheus; tests/deploy/ scrapes with one where it is installed"),
    NotRun(r"pip install 'speech-dispatch\[.*", "the package is not on an index yet"),
    NotRun(
        r"(?:git clone … /opt.*|cp deploy/systemd/.*|for port in .*|until curl .*|done)",
        "it installs the system as services of a machine; tests/deploy/ checks the files",
    ),
    NotRun(r"redis-cli --scan .* unlink", "it wants a Redis to empty and its client program"),
    NotRun(r"heroku .*", "it wants an account there"),
    NotRun(
        r"(?:sudo )?(?:docker|docker-compose|podman|kubectl|helm) .*", "it wants a platform of containers"
    ),
    NotRun(
        r"(?:sudo )?(?:systemctl|journalctl|loginctl|useradd|sysctl|install|apt-get|nginx|caddy|ch\w+|cd) .*",
        "it changes a machine that runs the system as a service",
    ),
)
