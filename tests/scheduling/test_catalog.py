"""The pools as a process knows them."""

import pytest

from scheduling.capability import CapabilityClass
from scheduling.catalog import Catalog, read_pools, read_requirements, read_snapshot
from scheduling.pool_file import PoolFile
from scheduling.store.plain import PlainStore
from tests.lua.world import CLASSES, DE, POOLS, PT, World

CAPABLE = CapabilityClass(
    frozenset({"asr", "nmt", "tts"}),
    asr=frozenset({"en"}),
    tts=frozenset({"pt"}),
    blocks=((frozenset({"en"}), frozenset({"pt"})),),
)


@pytest.fixture
def world(store: PlainStore) -> World:
    """Give a fresh cell."""
    return World(store)


def test_a_catalog_survives_its_journey() -> None:
    file = PoolFile.model_validate({"node_tenants": {"n1": "acme"}})
    catalog = Catalog(7, {CAPABLE.class_id: CAPABLE}, {PT.requirement_id: [CAPABLE.class_id]}, file)
    assert Catalog.from_json(catalog.to_json().encode()) == catalog


def test_a_requirement_is_compiled_when_it_is_first_met() -> None:
    """One that nobody serves is not kept: clients may name any language."""
    catalog = Catalog(1, {CAPABLE.class_id: CAPABLE})
    assert list(catalog.pools_for(PT)) == [CAPABLE.class_id]
    assert list(catalog.pools_for(DE)) == []
    assert catalog.compiled == {PT.requirement_id: [CAPABLE.class_id]}


def test_what_was_compiled_counts() -> None:
    assert Catalog(1, {}, {PT.requirement_id: ["special"]}).pools_for(PT) == ["special"]


def test_tenants_are_those_with_nodes() -> None:
    private = CapabilityClass(frozenset({"asr"}), tenant="acme")
    assert Catalog(1, {"a": CAPABLE, "b": private}).tenants == {None, "acme"}


def test_tenants_are_those_with_a_pool_of_their_own_too() -> None:
    override = {"pools": [{"pool_id": 1}], "tenant_overrides": [{"tenant_id": "acme", "pool_id": 1}]}
    catalog = Catalog(1, {"a": CAPABLE}, file=PoolFile.model_validate(override))
    assert catalog.tenants == {None, "acme"}


def test_nothing_is_read_from_an_empty_cell(world: World) -> None:
    assert read_pools(world.store, world.keys) == Catalog()
    assert read_requirements(world.store, world.keys) == []
    assert read_snapshot(world.store, world.keys) is None


def test_pools_and_requirements_are_read_as_they_were_made(world: World) -> None:
    world.ready("n1", klass="A")
    world.ready("n2", klass="C")
    world.ledger.nodes.link(PT, [POOLS["A"]])
    found = read_pools(world.store, world.keys)
    assert found.version == 2
    assert found.classes == {POOLS[name]: CLASSES[name] for name in "AC"}
    assert read_requirements(world.store, world.keys) == [PT]
