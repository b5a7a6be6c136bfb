"""The ledger: typed calls of the Lua scripts, which alone change nodes, jobs, sessions and results."""

from scheduling.keys import SCHEMA
from scheduling.ledger.canaries import Canaries, CanaryRecord
from scheduling.ledger.cell import Cell
from scheduling.ledger.dead import Dead
from scheduling.ledger.instances import Instances
from scheduling.ledger.jobs import (
    Assigned,
    Completed,
    Dispatch,
    Handed,
    Jobs,
    Placement,
    Progress,
    Reservation,
    Stage,
    Verdict,
)
from scheduling.ledger.nodes import Beat, NodeRegistration, Nodes, NodeState, Registered
from scheduling.ledger.pairing import Pairing
from scheduling.ledger.rooms import Member, Rooms
from scheduling.ledger.sessions import ReadyResult, Sessions
from scheduling.settings import Settings
from scheduling.store.base import Store


class Ledger:
    """All operations of one cell."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self.cell = Cell(store, settings)
        self.keys = self.cell.keys
        self.nodes = Nodes(self.cell)
        self.jobs = Jobs(self.cell)
        self.dead = Dead(self.cell)
        self.canaries = Canaries(self.cell)
        self.sessions = Sessions(self.cell)
        self.pairing = Pairing(self.cell)
        self.rooms = Rooms(self.cell)
        self.instances = Instances(self.cell)


__all__ = [
    "SCHEMA",
    "Assigned",
    "Beat",
    "Canaries",
    "CanaryRecord",
    "Cell",
    "Completed",
    "Dead",
    "Dispatch",
    "Handed",
    "Instances",
    "Jobs",
    "Ledger",
    "Member",
    "NodeRegistration",
    "NodeState",
    "Nodes",
    "Pairing",
    "Placement",
    "Progress",
    "ReadyResult",
    "Registered",
    "Reservation",
    "Rooms",
    "Sessions",
    "Stage",
    "Verdict",
]
