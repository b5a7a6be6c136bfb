"""The JavaScript client knows of every code whether trying again helps; its files name what they have.

``python -m tests.client_js.test_codes`` writes the table anew.
"""

import json
import re
from importlib.metadata import version

from scheduling.error_catalog import ERRORS
from tests.stack import ROOT

CLIENT = ROOT / "web" / "pages" / "static" / "client"
TABLE = CLIENT / "codes.js"


def _retry_ms(words: str) -> int | None:
    if words == "no":
        return None
    stated = re.search(r"(\d+) ms", words)
    return int(stated[1]) if stated else 0


def table() -> str:
    """Write the table as the client reads it."""
    codes = {entry.code: _retry_ms(entry.retry) for entry in ERRORS}
    lines = [f"  {code}: {json.dumps(after)}," for code, after in codes.items()]
    head = (
        "// Made from scheduling/error_catalog.py: ms after which trying again may help; null: it will not.\n"
        "// WS_DISCONNECTED is also what this client says when no server answers.\n"
    )
    return head + "export const RETRY_MS = {\n" + "\n".join(lines) + "\n};\n"


def test_the_table_of_codes_is_that_of_the_server() -> None:
    assert TABLE.read_text(encoding="utf-8") == table()


def test_every_export_has_a_type() -> None:
    index, types = ((CLIENT / name).read_text(encoding="utf-8") for name in ("index.js", "index.d.ts"))
    exported = {
        name for names in re.findall(r"export \{([^}]*)\}", index) for name in re.findall(r"\w+", names)
    }
    typed = set(re.findall(r"^export (?:const|class|function) (\w+)", types, re.MULTILINE))
    assert exported == typed


def test_the_package_has_the_version_of_the_server() -> None:
    package = json.loads((CLIENT / "package.json").read_text(encoding="utf-8"))
    assert package["version"] == version("speech-dispatch")
    assert "dependencies" not in package


if __name__ == "__main__":
    TABLE.write_text(table(), encoding="utf-8")
