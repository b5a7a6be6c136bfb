"""The tables of ``docs/security.md`` name what the code knows."""

import re

from scheduling.credentials import ROLES
from scheduling.credentials.jwt_keys import ALGORITHMS
from scheduling.credentials.revocations import KINDS
from scheduling.settings import Settings
from tests.stack import ROOT

TEXT = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")


def test_roles_algorithms_and_kinds_are_all_there() -> None:
    for role in ROLES:
        assert f"| `{role}` |" in TEXT
    for word in (*ALGORITHMS, *KINDS):
        assert word in TEXT


def test_the_settings_it_names_exist() -> None:
    named = set(re.findall(r"`([A-Z]+(?:_[A-Z]+)+)(?:=[^`]*)?`", TEXT))
    others = {"FLOWER_BASIC_AUTH", "NODE_ID_CONFLICT", "SPEECH_DISPATCH_TOKEN"}
    assert named - others <= {name.upper() for name in Settings.model_fields}
