"""What is measured, under its public names, and how processes tell each other of it."""

from scheduling.metrics.definitions import DEFINITIONS, PREFIX, Definition
from scheduling.metrics.reading import BOUNDS_S, Reading

__all__ = ["BOUNDS_S", "DEFINITIONS", "PREFIX", "Definition", "Reading"]
