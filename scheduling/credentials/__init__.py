"""Who may enter: tokens, what they allow, and whom they are taken away from. Knows no socket."""

from scheduling.credentials.book import CredentialBook, empty_book, read_book
from scheduling.credentials.identity import ADMIN, CLIENT, NODE, OPEN, ROLES, Identity, Role
from scheduling.credentials.refusal import BadCredentials, Refusal

__all__ = [
    "ADMIN",
    "CLIENT",
    "NODE",
    "OPEN",
    "ROLES",
    "BadCredentials",
    "CredentialBook",
    "Identity",
    "Refusal",
    "Role",
    "empty_book",
    "read_book",
]
