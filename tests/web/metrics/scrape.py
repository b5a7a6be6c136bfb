"""Reading ``/metrics`` of a running stack as Prometheus does."""

import urllib.request
from collections import defaultdict

from prometheus_client.parser import text_string_to_metric_families

from tests.stack import Web

Samples = dict[str, list[tuple[dict[str, str], float]]]


def text(web: Web, **headers: str) -> str:
    request = urllib.request.Request(f"http://127.0.0.1:{web.port}/metrics", headers=headers)
    with urllib.request.urlopen(request, timeout=10) as reply:
        assert reply.headers["Content-Type"].startswith("text/plain")
        return str(reply.read().decode())


def samples(web: Web, **headers: str) -> Samples:
    """Give labels and value of every sample, by its full name."""
    found: Samples = defaultdict(list)
    for family in text_string_to_metric_families(text(web, **headers)):
        for sample in family.samples:
            found[sample.name].append((dict(sample.labels), sample.value))
    return found


def total(found: Samples, name: str, **labels: str) -> float:
    """Add up the samples that have these labels."""
    return sum(
        value for has, value in found.get(f"speech_dispatch_{name}", ()) if labels.items() <= has.items()
    )


def instances(found: Samples, name: str) -> set[str]:
    return {labels["instance"] for labels, _ in found.get(f"speech_dispatch_{name}", ())}
