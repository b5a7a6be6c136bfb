"""A real Prometheus with our own files scrapes a real stack; skipped outside CI where it is not installed."""

from pathlib import Path

from tests.deploy.prometheus import Prometheus
from tests.programs import needs
from tests.stack import Stack, wait_until

pytestmark = needs("prometheus", "prometheus")


def test_it_scrapes_all_processes_behind_one_port(tmp_path: Path) -> None:
    """And notices what is missing, at last the port itself: ServerDown."""
    with (
        Stack(web_concurrency=2, admin_token="secret") as own,
        Prometheus(tmp_path, own.webs[0].port, "secret") as server,
    ):

        def instances() -> set[str]:
            return {labels["instance"] for labels, _ in server.query("speech_dispatch_sockets")}

        wait_until(lambda: len(instances()) == 2, "both processes to be scraped")
        assert all(len(name.rsplit("-", 2)) == 3 for name in instances()), "the label is ours"
        wait_until(
            lambda: {"NoWorker", "NoReadyNode"} <= server.alerts().keys(), "what is missing to be noticed"
        )
        assert not {"LedgerDown", "ServerDown"} & server.alerts().keys()
        (rules,) = server.ask("rules")["groups"]
        assert all(rule["health"] == "ok" for rule in rules["rules"])
        own.webs[0].kill()
        wait_until(lambda: is_firing(server, "ServerDown"), "the port to be missed")


def is_firing(server: Prometheus, alert: str) -> bool:
    return server.alerts().get(alert) == "firing"
