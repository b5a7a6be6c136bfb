"""Guides lead somewhere: links between the documents, files they name, and a section for each incident."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "docs" / "operations.md",
    ROOT / "docs" / "operating.md",
    ROOT / "docs" / "deploying.md",
    *sorted((ROOT / "docs" / "deploy").glob("*.md")),
]
INCIDENTS = re.findall(
    r"- alert: (\w+)", (ROOT / "deploy" / "prometheus" / "alerts.yml").read_text(encoding="utf-8")
)
_LINK = re.compile(r"\]\(([^)\s]+)\)")


def anchors(page: Path) -> set[str]:
    """Give the anchors of a page's headings, as GitHub makes them."""
    heads = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for link in _LINK.findall(page.read_text(encoding="utf-8")):
        if "://" in link:
            continue
        place, _, anchor = link.partition("#")
        target = (page.parent / place).resolve() if place else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("incident", INCIDENTS)
def test_each_alert_has_its_section(incident: str) -> None:
    assert incident.lower() in anchors(ROOT / "docs" / "operations.md")
    rules = (ROOT / "deploy" / "prometheus" / "alerts.yml").read_text(encoding="utf-8")
    assert f'runbook: "docs/operations.md#{incident.lower()}"' in rules


def test_every_check_of_the_doctor_is_explained() -> None:
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    said = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "web" / "doctor").glob("*.py"))
    checks = set(re.findall(r"\b(?:ok|warning|failed)\(\s*\"([a-z-]+)\"", said))
    assert len(checks) > 15
    assert not {check for check in checks if f"`{check}`" not in page}
