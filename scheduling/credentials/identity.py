"""Who somebody is once he was let in: one small object that goes with his socket or request."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from types import MappingProxyType
from typing import Final, Literal

from scheduling.credentials.refusal import FORBIDDEN, Refusal
from scheduling.languages import fold
from scheduling.limits import CANARY, tenant_name

Role = Literal["node", "client", "admin"]
NODE: Final = "node"
CLIENT: Final = "client"
ADMIN: Final = "admin"
ROLES: Final[tuple[Role, ...]] = (NODE, CLIENT, ADMIN)

#: How somebody was let in.
Way = Literal["jwt", "token", "path", "network", "admin_token", "open"]

_NO_LIMITS: Final[Mapping[str, float]] = MappingProxyType({})
#: Ways that name nobody: whoever comes by them is believed what he says of himself.
_NAMELESS = ("open", "network")


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A verified credential, or the lack of one where none is asked for. Nothing in it is secret."""

    role: Role
    subject: str
    """Whose credential it is; all credentials of one subject count as the same owner of a node."""
    way: Way
    credential: str = ""
    """Names this one credential, as for revoking it."""
    key: str = ""
    """What it rests on in the credentials file: the id of a key, a token or a path secret."""
    tenant: str = ""
    """Whose work it is; empty for none."""
    languages: frozenset[str] | None = None
    """Folded languages it may use; None for all."""
    limits: Mapping[str, float] = field(default_factory=lambda: _NO_LIMITS)
    """What its tenant may have at most, by the names of `Limits` (``sessions``, ``audio_min``, …)."""
    tier: str = ""
    """Trust tier, a word of the operator's; empty when none is given."""
    expires_s: float | None = None
    """When it ends, in seconds of Unix time; None for never."""
    node_id: str = ""
    """The only node id it may register; empty for any that no other owner has."""
    vouched_by: object = field(default=None, compare=False, repr=False)
    """Key that signed it; None where none did."""

    @property
    def named(self) -> bool:
        """Whether a credential says who this is; otherwise peers are believed, as in open mode."""
        return self.way not in _NAMELESS

    @property
    def fingerprint(self) -> str:
        """Give what a node id is bound to: the subject, so a renewed token keeps its nodes. '' for none."""
        # The other half of the hash than a word has: no word is taken for a subject.
        return sha256(f"subject:{self.subject}".encode()).hexdigest()[32:] if self.named else ""

    def tenant_over(self, stated: str | None) -> str | None:
        """Give the tenant that counts: the credential's where there is one, else what the peer states."""
        counts = (self.tenant or None) if self.named else stated
        return None if counts == CANARY else counts

    def speaking_for(self, tenant: str | None) -> "Identity":
        """Give who this is with the tenant that counts: who has no credential is who he says he is."""
        name = tenant_name(tenant)
        return self if self.named or self.tenant == name else replace(self, tenant=name)

    def allows(self, *languages: str | None) -> bool:
        """Whether it may use these languages; ``auto`` and None always."""
        return self.languages is None or all(
            not code or code == "auto" or fold(code) in self.languages for code in languages
        )

    def require_role(self, role: Role) -> None:
        """Raise `Refusal` unless it is of this role."""
        if self.named and self.role != role:
            raise Refusal(
                "wrong_role",
                f"This credential is of the role {self.role}. Use one of the role {role} here.",
                FORBIDDEN,
            )

    def require_languages(self, *languages: str | None) -> None:
        """Raise `Refusal` unless it may use these languages."""
        if not self.allows(*languages):
            raise Refusal("wrong_language", f"This credential allows {self.spoken}. Use these.", FORBIDDEN)

    @property
    def spoken(self) -> str:
        """Name the languages in words."""
        return "all languages" if self.languages is None else ", ".join(sorted(self.languages)) or "none"


def fingerprint_of_word(word: str | None) -> str:
    """Give what a node id is bound to that registered with a word and no credential of ours; '' for none."""
    return sha256(word.encode()).hexdigest()[:32] if word else ""


#: Everybody, where no credentials are configured.
OPEN: Final[Mapping[Role, Identity]] = MappingProxyType(
    {role: Identity(role=role, subject="open", way="open") for role in ROLES}
)
