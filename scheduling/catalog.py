"""The pools as a process knows them: an immutable object, swapped when a newer version is seen.

It narrows the choice; the scripts decide on live data.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from scheduling.capability import CapabilityClass
from scheduling.keys import Keys
from scheduling.ledger.cell import text
from scheduling.pool_file import PoolFile
from scheduling.pools import candidates
from scheduling.requirement import Requirement
from scheduling.store.base import Store


@dataclass(frozen=True)
class Catalog:
    """Pools of one version and the requirements that were compiled for it."""

    version: int = 0
    classes: Mapping[str, CapabilityClass] = field(default_factory=dict)
    compiled: dict[str, Sequence[str]] = field(default_factory=dict)
    """Requirement id to pools, preferred first; grows with those this process meets that somebody serves."""
    file: PoolFile = field(default_factory=PoolFile)
    """What the operator configured."""

    @cached_property
    def tenants(self) -> frozenset[str | None]:
        """Tenants with private nodes or a pool of their own; None stands for everybody."""
        return self.file.tenants | {cls.tenant for cls in self.classes.values()}

    @cached_property
    def heard(self) -> frozenset[str]:
        """Languages that some node recognises or translates from."""
        return frozenset().union(*(cls.asr | cls.sources for cls in self.classes.values()))

    def pools_for(self, requirement: Requirement) -> Sequence[str]:
        """Give the pools that serve a requirement, preferred first."""
        known = self.compiled.get(requirement.requirement_id)
        if known is None:
            known = candidates(self.classes, requirement, file=self.file)
            if known:
                self.compiled[requirement.requirement_id] = known
        return known

    def to_json(self) -> str:
        """Write it for the processes that swap it in."""
        classes = {pool: cls.canonical() for pool, cls in self.classes.items()}
        return json.dumps(
            {
                "version": self.version,
                "classes": classes,
                "compiled": {**self.compiled},
                "file": self.file.canonical(),
            },
            separators=(",", ":"),
        )

    @classmethod
    def from_json(cls, data: bytes) -> "Catalog":
        """Read what `to_json` wrote."""
        raw = json.loads(data)
        classes = {pool: CapabilityClass.from_canonical(item) for pool, item in raw["classes"].items()}
        return cls(raw["version"], classes, raw["compiled"], PoolFile.from_canonical(raw["file"]))


def read_pools(store: Store, keys: Keys) -> Catalog:
    """Read the pools as they are now: the fresh look before anything is called unsupported."""
    # The version is read first: a pool made in between is then read again, never missed.
    version, pools, file = store.commands(
        [("HGET", keys.cell, "pools_version"), ("HGETALL", keys.pools), ("GET", keys.pool_file)]
    )
    names = [text(name) for name in pools[::2]]
    classes = (CapabilityClass.from_canonical(item) for item in pools[1::2])
    return Catalog(
        int(version or 0), dict(zip(names, classes, strict=True)), file=PoolFile.from_canonical(file)
    )


def read_requirements(store: Store, keys: Keys) -> list[Requirement]:
    """Read every requirement the cell knows."""
    items = store.command("HGETALL", keys.requirements)
    return [Requirement.from_canonical(item) for item in items[1::2]]


def read_class_pools(store: Store, keys: Keys) -> dict[str, str]:
    """Read which pools the nodes of each class stand in: class id to pools, space separated."""
    items = store.command("HGETALL", keys.class_pools)
    return {text(name): text(pools) for name, pools in zip(items[::2], items[1::2], strict=True)}


def read_snapshot(store: Store, keys: Keys) -> Catalog | None:
    """Read the catalog the workers compiled last."""
    data = store.command("GET", keys.snapshot)
    return Catalog.from_json(data) if data else None
