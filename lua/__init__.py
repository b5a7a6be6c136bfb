"""Redis scripts, one atomic operation a file; read as package data by scheduling.scripts."""
