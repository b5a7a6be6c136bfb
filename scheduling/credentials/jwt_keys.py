"""Keys that vouch for JWTs: each for one algorithm, and no token chooses another."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from cryptography.utils import CryptographyDeprecationWarning

from scheduling.credentials.identity import Role
from scheduling.credentials.refusal import BadCredentials, Refusal

#: Longest token looked at, in characters.
MOST_TOKEN = 8192
#: Clocks of those who make tokens may be so far from ours, s.
LEEWAY_S = 30
#: HS256 is as strong as its secret; RFC 7518 wants as many bytes as the hash has.
LEAST_SECRET_BYTES = 32
_LEAST_RSA_BITS = 2048

PublicKey = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey

ALGORITHMS: Final = ("HS256", "RS256", "ES256", "EdDSA")

#: What PyJWT raises, in our words; looked through in this order, since some are kinds of others.
_REASONS: Final[Sequence[tuple[type[jwt.PyJWTError], str, str]]] = (
    (jwt.ExpiredSignatureError, "expired", "The token has expired. Get a new one."),
    (jwt.ImmatureSignatureError, "not_yet_valid", "The token is not valid yet. Look at the clocks."),
    (jwt.InvalidIssuedAtError, "malformed", "The token's iat is no time. Have it made anew."),
    (jwt.InvalidAudienceError, "wrong_audience", "The token is meant for another server (aud)."),
    (jwt.InvalidIssuerError, "wrong_issuer", "The token was issued by somebody else (iss)."),
    (jwt.MissingRequiredClaimError, "malformed", "The token lacks exp, sub, or iss or aud where wanted."),
    (jwt.InvalidSignatureError, "bad_signature", "The token was not signed by the key it names."),
)


@dataclass(frozen=True, slots=True)
class JwtKey:
    """One key. Only tokens of its own algorithm are held against it."""

    kid: str
    algorithm: str
    material: bytes | PublicKey = field(repr=False)
    roles: frozenset[Role]
    """Roles its tokens may have."""
    issuer: str | None = None
    audience: str | None = None

    def claims(self, token: str) -> dict[str, Any]:
        """Verify a token and give its claims. Raises `Refusal`."""
        wanted = ["exp", "sub", *(["iss"] if self.issuer else []), *(["aud"] if self.audience else [])]
        try:
            return jwt.decode(
                token,
                self.material,
                algorithms=[self.algorithm],
                audience=self.audience,
                issuer=self.issuer,
                leeway=LEEWAY_S,
                # A key that wants no audience takes tokens that name one for somebody else too.
                options={"require": wanted, "verify_aud": self.audience is not None},
            )
        except jwt.PyJWTError as error:
            for kind, reason, message in _REASONS:
                if isinstance(error, kind):
                    raise Refusal(reason, message) from None
            raise Refusal("malformed", "The token is no JWT that can be read.") from None
        except (ValueError, TypeError, OverflowError, RecursionError):  # what it wrote breaks a parser
            raise Refusal("malformed", "The token is no JWT that can be read.") from None


def header_of(token: str) -> Mapping[str, Any]:
    """Read a token's header, which nothing vouches for. Raises `Refusal`."""
    try:
        return jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        raise Refusal("malformed", "The token is no JWT that can be read.") from None


def choose_key(keys: Mapping[str, JwtKey], token: str) -> JwtKey:
    """Give the key a token names. Raises `Refusal`: unknown, or the token wants another algorithm."""
    header = header_of(token)
    kid = header.get("kid")
    if kid is None and len(keys) == 1:
        key = next(iter(keys.values()))
    else:
        found = keys.get(kid) if isinstance(kid, str) else None
        if found is None:
            raise Refusal("unknown_key", "The token names no key (kid) that is known here. Get a new one.")
        key = found
    if header.get("alg") != key.algorithm:
        raise Refusal(
            "wrong_algorithm", f"The token's key is for {key.algorithm} and the token says another algorithm."
        )
    return key


def public_key(algorithm: str, pem: bytes, where: str) -> PublicKey:
    """Read a PEM public key for an algorithm. Raises `BadCredentials`."""
    if b"PRIVATE KEY" in pem:
        raise BadCredentials(f"{where} is a private key: the server needs the public one only.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CryptographyDeprecationWarning)
            key = load_pem_public_key(pem)
    except (ValueError, TypeError) as error:
        raise BadCredentials(f"{where} is no public key in PEM.") from error
    except Exception as error:  # UnsupportedAlgorithm and whatever the parser raises
        raise BadCredentials(f"{where} is a public key of a kind that is not known.") from error
    if algorithm == "RS256" and isinstance(key, RSAPublicKey):
        if key.key_size < _LEAST_RSA_BITS:
            raise BadCredentials(f"{where} has {key.key_size} bits: RS256 needs {_LEAST_RSA_BITS} or more.")
        return key
    if algorithm == "ES256" and isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1):
        return key
    if algorithm == "EdDSA" and isinstance(key, Ed25519PublicKey):
        return key
    kinds = {"RS256": "RSA", "ES256": "P-256", "EdDSA": "Ed25519"}
    raise BadCredentials(f"{where} is no {kinds[algorithm]} key, which {algorithm} needs.")
