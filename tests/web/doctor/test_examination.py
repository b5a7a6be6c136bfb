"""What the doctor says of real servers, processes and machines that are well, or not."""

import http.server
import json
import threading
from collections.abc import Iterator

import pytest

from scheduling.ledger import Ledger
from scheduling.settings import Settings
from scheduling.store.plain import PlainStore
from tests.sentinels import Replicated
from tests.stack import Stack, wait_until
from tests.valkey import Valkey, free_port
from web.doctor.examination import examine
from web.doctor.finding import Finding, Level, worst
from web.doctor.http import look_at_url
from web.doctor.machine import look_at_machine
from web.doctor.sentinels import look_at_sentinels
from web.doctor.server import look_at_server

LASTING = {"appendonly": "yes", "appendfsync": "everysec"}


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def by_check(found: Iterator[Finding]) -> dict[str, Finding]:
    return {finding.check: finding for finding in found}


def levels(found: dict[str, Finding]) -> dict[str, str]:
    return {name: str(finding.level) for name, finding in found.items() if finding.level is not Level.OK}


def server(settings: Settings) -> dict[str, Finding]:
    with PlainStore(settings.redis_url) as store:
        return by_check(look_at_server(store, settings))


def test_a_fleet_that_is_well(monkeypatch: pytest.MonkeyPatch) -> None:
    with Valkey(**LASTING) as valkey, Stack(workers=True, beat=True, valkey=valkey) as stack:
        monkeypatch.setenv("REDIS_URL", valkey.url)
        monkeypatch.setenv("MAX_CONNECTIONS", "100")
        with stack.node(("en", "pt")):
            wait_until(lambda: "nodes" in by_check(examine()), "the cell to be open")
            found: dict[str, Finding] = {}

            def well() -> bool:
                nonlocal found
                found = by_check(examine(f"http://127.0.0.1:{stack.webs[0].port}"))
                return not levels({name: found[name] for name in found if name != "backlog"})

            wait_until(well, "all to be heard")
        assert found["beat"].says.startswith("1 heard")
        assert found["web"].says.startswith("1 heard, 0 sessions")
        assert found["nodes"].says.startswith("1 of 1 connected nodes ready")
        assert found["websocket"].says.endswith("/ws/session opens.")
        assert set(found) >= {"redis", "version", "latency", "clock", "broker", "worker-drain", "files"}


def test_a_redis_that_is_away_keeps_nothing_else_from_a_look(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("REDIS_URL", f"redis://:sesame@127.0.0.1:{free_port()}/0")
    found = by_check(examine(f"http://127.0.0.1:{free_port()}"))
    assert {"redis", "broker", "http"} <= {name for name, level in levels(found).items() if level == "failed"}
    assert {"settings", "files", "backlog"} <= set(found)
    assert "sesame" not in "".join(finding.says for finding in found.values())
    assert all(found[name].advice for name in levels(found))


def test_without_settings_the_machine_is_looked_at_all_the_same() -> None:
    found = by_check(examine())
    assert found["settings"].level is Level.FAILED
    assert "REDIS_URL is not set" in found["settings"].says
    assert "files" in found


def test_a_redis_that_nobody_has_used_is_no_fleet(monkeypatch: pytest.MonkeyPatch) -> None:
    with Valkey(**LASTING) as valkey:
        monkeypatch.setenv("REDIS_URL", valkey.url)
        assert "was never opened" in by_check(examine())["cell"].says


def test_a_fleet_without_workers_and_nodes_says_which_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    with Valkey(**LASTING) as valkey, Stack(valkey=valkey, wait_ms=4321) as stack:
        monkeypatch.setenv("REDIS_URL", valkey.url)
        stack.webs[0].wait_ready()
        wait_until(lambda: by_check(examine())["web"].level is Level.OK, "the web process to be heard")
        found = by_check(examine())
        said = levels({name: found[name] for name in found if name not in ("files", "backlog")})
        assert said == {
            "limits": "warning",
            "worker-control": "warning",
            "worker-drain": "warning",
            "beat": "warning",
            "nodes": "failed",
        }
        assert "WAIT_MS 4321 (here 10000)" in found["limits"].says
        stack.webs[0].kill()
        wait_until(lambda: by_check(examine())["web"].level is Level.FAILED, "it to be missed")


def test_another_key_layout_is_not_read_on(monkeypatch: pytest.MonkeyPatch) -> None:
    with Valkey(**LASTING) as valkey:
        monkeypatch.setenv("REDIS_URL", valkey.url)
        with PlainStore(valkey.url) as store:
            ledger = Ledger(store, Settings(redis_url=valkey.url))
            ledger.cell.open()
            store.command("HSET", ledger.keys.cell, "schema", "99")
        found = by_check(examine())
        assert "key layout 99" in found["cell"].says
        assert "nodes" not in found


@pytest.mark.parametrize(
    ("options", "bad"),
    [
        (LASTING, {}),
        (LASTING | {"maxmemory_policy": "allkeys-lru"}, {"eviction": "failed"}),
        ({"appendonly": "no", "save": ""}, {"persistence": "warning"}),
        (LASTING | {"appendfsync": "no"}, {"persistence": "warning"}),
        (LASTING | {"maxmemory": "64mb"}, {"memory": "warning"}),
        (LASTING | {"maxmemory": "1mb"}, {"memory": "failed"}),
        (LASTING | {"maxclients": "1"}, {"connections": "warning"}),
    ],
)
def test_a_server_that_loses_or_lacks_is_found(options: dict[str, str], bad: dict[str, str]) -> None:
    with Valkey(**options) as valkey:
        found = server(Settings(redis_url=valkey.url))
    assert levels(found) == bad
    assert found["version"].says.startswith("Valkey ")


def test_a_replica_is_no_ledger() -> None:
    with Valkey() as master, Valkey(replicaof=f"127.0.0.1 {master.port}") as replica:
        assert "is a replica of 127.0.0.1" in server(Settings(redis_url=replica.url))["role"].says


def test_a_cluster_wants_another_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    with Valkey(**LASTING, cluster_enabled="yes", cluster_port=str(free_port())) as valkey:
        assert levels(server(Settings(redis_url=valkey.url)))["cluster"] == "failed"
        apart = Settings(redis_url=valkey.url, celery_broker_url="redis://elsewhere")
        assert server(apart)["cluster"].level is Level.OK
        monkeypatch.setenv("REDIS_URL", valkey.url)
        found = by_check(examine())
    assert found["redis"].level is Level.OK
    assert "CLUSTERDOWN" in found["redis-trouble"].says, "it has no slots yet"


def test_a_managed_server_that_does_not_tell_is_only_a_warning() -> None:
    with Valkey() as valkey, PlainStore(valkey.url) as store:
        store.command("ACL", "SETUSER", "tenant", "on", ">secret", "~*", "&*", "+@all", "-config", "-info")
        found = server(Settings(redis_url=valkey.url.replace("//", "//tenant:secret@")))
    assert levels(found) == {"version": "warning", "eviction": "warning", "memory": "warning"}


def test_a_body_server_may_forget_but_not_evict(monkeypatch: pytest.MonkeyPatch) -> None:
    with Valkey(**LASTING) as ledger, Valkey(maxmemory_policy="allkeys-lru") as bodies:
        monkeypatch.setenv("REDIS_URL", ledger.url)
        monkeypatch.setenv("PAYLOAD_URL", bodies.url)
        assert by_check(examine())["bodies"].level is Level.WARNING
        bodies.kill()
        assert by_check(examine())["bodies"].level is Level.FAILED


def test_sentinels_are_asked_one_by_one() -> None:
    with Replicated() as watched:
        assert by_check(look_at_sentinels(watched.url))["sentinels"].level is Level.OK
        away = watched.url.replace("redis+sentinel://", f"redis+sentinel://127.0.0.1:{free_port()},")
        found = by_check(look_at_sentinels(away))["sentinels"]
        assert found.level is Level.WARNING
        assert "Connection refused" in found.says
    assert by_check(look_at_sentinels(watched.url))["sentinels"].level is Level.FAILED
    assert not list(look_at_sentinels("redis://127.0.0.1"))


def test_too_few_files_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("web.doctor.machine.resource.getrlimit", lambda _: (1024, 4096))
    assert by_check(look_at_machine(12_000))["files"].level is Level.WARNING
    assert by_check(look_at_machine(1000))["files"].level is Level.OK
    monkeypatch.setattr("web.doctor.machine.resource.getrlimit", lambda _: (128, 128))
    assert by_check(look_at_machine(1000))["files"].level is Level.FAILED


class _Proxy(http.server.BaseHTTPRequestHandler):
    """One that passes requests and swallows what is needed to upgrade a connection."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        ready = self.path == "/ready"
        body = json.dumps({"ready": True, "broker": "ok", "instance": "w", "nodes": 0}).encode()
        self.send_response(200 if ready else 426)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_a_proxy_that_passes_no_websockets_is_found() -> None:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Proxy) as proxy:
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        found = by_check(look_at_url(f"http://127.0.0.1:{proxy.server_port}"))
        proxy.shutdown()
    assert found["http"].level is Level.OK
    assert found["websocket"].level is Level.FAILED
    assert "426" in found["websocket"].says
    assert "Upgrade" in found["websocket"].advice


@pytest.mark.parametrize("url", ["nothing", "ftp://x", "http://127.0.0.1:1"])
def test_a_url_where_nobody_answers_is_said(url: str) -> None:
    assert worst(look_at_url(url)) is Level.FAILED
