"""Both stores against one list of promises, each on a server of its own."""

import pytest

from tests.patched import run_patched
from tests.scheduling.store.cases import contract


@pytest.mark.parametrize("name", contract.CASES)
def test_plain(name: str) -> None:
    contract.run(name, "plain")


@pytest.mark.parametrize("name", contract.CASES)
def test_batched(name: str) -> None:
    run_patched("tests.scheduling.store.cases.contract:run", name, "batched")
