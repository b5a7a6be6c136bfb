"""The operators' HTTP API: explains the fleet and operates it."""

from web.api.routes import make_api

__all__ = ["make_api"]
