"""The wire protocol as pydantic models."""
