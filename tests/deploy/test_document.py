"""``docs/monitoring.md`` has the series as the code has them."""

import re

from scheduling.logs import FIELDS
from scheduling.metrics import DEFINITIONS
from scheduling.metrics.definitions import metrics_table
from tests.stack import ROOT

DOCUMENT = ROOT / "docs" / "monitoring.md"
_BEGIN, _END = "<!-- series -->\n", "<!-- end of series -->"


def test_the_document_has_every_series_as_the_code_has_it() -> None:
    """Run ``python -m tests.deploy.test_document`` to write it anew."""
    assert f"{_BEGIN}{metrics_table()}{_END}" in DOCUMENT.read_text(encoding="utf-8")


def test_the_document_names_no_series_that_there_is_not() -> None:
    named = set(re.findall(r"speech_dispatch_(\w+)", DOCUMENT.read_text(encoding="utf-8")))
    assert named <= DEFINITIONS.keys()


def test_the_fields_of_logs_that_it_names_are_let_through() -> None:
    assert {"trace", "session", "job", "node", "tenant", "instance", "left_out"} <= set(FIELDS)


if __name__ == "__main__":
    before, _, rest = DOCUMENT.read_text(encoding="utf-8").partition(_BEGIN)
    after = rest.partition(_END)[2]
    DOCUMENT.write_text(f"{before}{_BEGIN}{metrics_table()}{_END}{after}", encoding="utf-8")
