"""A token for one attempt: by it whoever shares the secret knows that a node works for us, and on what."""

import hmac
import json
import time
from base64 import urlsafe_b64encode
from dataclasses import dataclass

import jwt

from scheduling.credentials.refusal import Refusal

_ALGORITHM = "HS256"
_HEADER = urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').rstrip(b"=") + b"."
_AUDIENCE = "speech-dispatch/job"


@dataclass(frozen=True, slots=True)
class JobClaim:
    """What a job token says."""

    job_id: str
    attempt: int
    node_id: str


class JobTokens:
    """Makes them; made once with the secret and how long an attempt may take (ms)."""

    def __init__(self, secret: str, lasts_ms: int) -> None:
        self._secret = secret.encode()
        self._lasts_s = -(-lasts_ms // 1000)

    def make(self, job_id: str, attempt: int, node_id: str) -> str:
        """Make the token of an attempt, good until the utterance must have ended."""
        claims = {
            "aud": _AUDIENCE,
            "job": job_id,
            "attempt": attempt,
            "node": node_id,
            "exp": int(time.time()) + self._lasts_s,
        }
        # Put together by hand, as RFC 7515 has it: every job pays for it, and PyJWT takes 3.6 times as long.
        signed = _HEADER + _base64(json.dumps(claims, separators=(",", ":")).encode())
        return (signed + b"." + _base64(hmac.digest(self._secret, signed, "sha256"))).decode()


def read_job_token(secret: str, token: str) -> JobClaim:
    """Verify a job token. Raises `Refusal`."""
    try:
        claims = jwt.decode(
            token,
            secret.encode(),
            algorithms=[_ALGORITHM],
            audience=_AUDIENCE,
            options={"require": ["exp", "aud", "job", "attempt", "node"]},
        )
        return JobClaim(str(claims["job"]), int(claims["attempt"]), str(claims["node"]))
    except jwt.ExpiredSignatureError:
        raise Refusal("expired", "The job token has expired: the job has ended.") from None
    except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError):
        raise Refusal("malformed", "This is no job token of this server.") from None


def _base64(data: bytes) -> bytes:
    return urlsafe_b64encode(data).rstrip(b"=")
