"""`speech-dispatch token`: makes keys, tokens and path secrets, says what one allows, takes it away."""

import os
import sys
import time
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from scheduling.credentials import ROLES, BadCredentials, CredentialBook, Identity, Refusal, Role, read_book
from scheduling.credentials.jwt_keys import ALGORITHMS
from scheduling.credentials.making import MAKE_ONE, Grant, add_key, add_static, describe, make_jwt
from scheduling.credentials.revocations import KINDS
from web.command.errors import USAGE, CommandError
from web.command.operator_common import add_common, client_of, say

_DAY_S = 86_400
_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": _DAY_S}


class _Wrong(CommandError):
    exit_code = USAGE


def add_token_arguments(parser: ArgumentParser) -> None:
    """Declare what can be done."""
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)

    def verb(name: str, summary: str) -> ArgumentParser:
        sentence = f"{summary[0].upper()}{summary[1:]}."
        return verbs.add_parser(name, help=summary, description=sentence)

    _add_key(verb("key", "make a key that signs JWTs, and enter it into the file"))
    _add_make(verb("make", "make a token or a path secret; it is printed once"))
    _add_check(verb("check", "say what a token allows, or why it is refused"))
    revoke = verb("revoke", "take away a token, or all of a subject, tenant, key or node id")
    _add_what(revoke)
    revoke.add_argument("--reason", default="", metavar="WORDS", help="told to whom it is taken from")
    revoke.add_argument(
        "--for", dest="lasts_s", metavar="TIME", type=_duration, help="as 12h or 30d; for ever when left out"
    )
    add_common(revoke, token="--admin-token")
    allow = verb("allow", "undo a revocation")
    _add_what(allow)
    add_common(allow, token="--admin-token")
    add_common(verb("revoked", "list what is revoked"), token="--admin-token")


def run_token(args: Namespace) -> int:
    """Do what was asked."""
    verbs = {
        "key": _key, "make": _make, "check": _check, "revoke": _revoke, "allow": _allow, "revoked": _revoked,
    }  # fmt: skip
    with _told():
        return verbs[args.verb](args)


@contextmanager
def _told() -> Iterator[None]:
    """Turn what is wrong into a sentence."""
    try:
        yield
    except BadCredentials as error:
        raise _Wrong(str(error)) from None
    except FileExistsError as error:
        raise _Wrong(f"{error.filename} is there already: choose another --kid.") from None
    except OSError as error:
        raise _Wrong(f"{error.filename}: {error.strerror}.") from None


def _add_file(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--file",
        type=Path,
        default=Path(os.environ.get("CREDENTIALS_FILE") or "credentials.toml"),
        help="the file of credentials (default $CREDENTIALS_FILE or %(default)s)",
    )


def _add_key(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--algorithm", choices=ALGORITHMS, default="EdDSA", help="how it signs (default %(default)s)"
    )
    parser.add_argument("--kid", help="its name (default: today's date)")
    parser.add_argument(
        "--roles",
        type=_words,
        default=[],
        metavar="A,B",
        help=f"roles it may vouch for, of {', '.join(ROLES)} (default: all)",
    )
    _add_file(parser)


def _add_make(parser: ArgumentParser) -> None:
    parser.add_argument("--role", choices=ROLES, required=True, help="what it lets in")
    parser.add_argument("--subject", required=True, help="whose it is; a node id belongs to a subject")
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--static", action="store_true", help="a random token, whose hash is kept in the file")
    kind.add_argument(
        "--path", action="store_true", help="a secret for /ws/node/SECRET or /ws/session/SECRET"
    )
    parser.add_argument("--tenant", default="", help="whose work it is")
    parser.add_argument("--languages", type=_words, metavar="A,B", help="as en,pt; all when left out")
    parser.add_argument(
        "--limit",
        type=_limit,
        action="append",
        default=[],
        metavar="NAME=NUMBER",
        help="as slots=4 or audio_min=60; may be repeated (names: docs/limits.md)",
    )
    parser.add_argument(
        "--tier", default="", metavar="WORD", help="how far a node is trusted; canaries go by it"
    )
    parser.add_argument("--node-id", default="", metavar="ID", help="the only node id it may register")
    parser.add_argument(
        "--expires",
        type=_duration,
        metavar="TIME",
        help="as 12h or 30d; JWTs: 30d when left out, others: never",
    )
    parser.add_argument("--kid", default="", help="the key that signs (default: the last of the file)")
    parser.add_argument(
        "--private-key", type=Path, metavar="FILE", help="its file (default: KID.private.pem beside the file)"
    )
    _add_file(parser)


def _add_check(parser: ArgumentParser) -> None:
    parser.add_argument("token", nargs="?", help="the token; from $SPEECH_DISPATCH_TOKEN or a line of input")
    parser.add_argument("--role", choices=ROLES, help="the role it is to be used in")
    parser.add_argument("--path", action="store_true", help="it is a path secret")
    _add_file(parser)


def _add_what(parser: ArgumentParser) -> None:
    parser.add_argument("kind", choices=KINDS, help="credential: the id that `token check` shows")
    parser.add_argument("name", help="its id or name")


def _key(args: Namespace) -> int:
    kid = args.kid or time.strftime("%Y-%m-%d")
    if wrong := [role for role in args.roles if role not in ROLES]:
        raise _Wrong(f"{wrong[0]!r} is no role: there are {', '.join(ROLES)}.")
    place = add_key(args.file, args.algorithm, kid, args.roles)
    print(f"Key {kid} ({args.algorithm}) is in {args.file}.")
    if place is not None:
        print(f"Its private half is {place}: keep it where tokens are made; no server needs it.")
    return 0


def _make(args: Namespace) -> int:
    is_jwt = not (args.static or args.path)
    lasts_s = args.expires or (30 * _DAY_S if is_jwt else None)
    grant = Grant(
        role=cast(Role, args.role),
        subject=args.subject,
        tenant=args.tenant,
        languages=args.languages,
        limits=dict(args.limit),
        tier=args.tier,
        node_id=args.node_id,
        expires_s=None if lasts_s is None else float(int(time.time()) + lasts_s),
    )
    if is_jwt:
        print(make_jwt(args.file, grant, args.kid, args.private_key))
        return 0
    secret = add_static(args.file, grant, path=args.path)
    if args.path:
        path = "/ws/node" if args.role == "node" else "/ws/session"
        print(f"{path}/{secret}")
    else:
        print(secret)
    print(f"Its hash is in {args.file}; the secret itself is kept nowhere.", file=sys.stderr)
    return 0


def _check(args: Namespace) -> int:
    token = args.token or os.environ.get("SPEECH_DISPATCH_TOKEN") or sys.stdin.readline().strip()
    try:
        identity = _identify(_book(args.file), token, path=args.path)
        if args.role:
            identity.require_role(args.role)
    except Refusal as refusal:
        print(f"refused ({refusal.reason}): {refusal.message}")
        return 1
    for name, words in describe(identity):
        print(f"{name:12} {words}")
    return 0


def _identify(book: CredentialBook, token: str, *, path: bool) -> Identity:
    if path:
        return book.identify_path(token.rpartition("/")[2], time.time())
    return book.identify(token, time.time())


def _book(file: Path) -> CredentialBook:
    inline = os.environ.get("CREDENTIALS")
    if inline and not file.exists():
        return read_book(inline, Path())
    try:
        return read_book(file.read_text(encoding="utf-8"), file.parent)
    except FileNotFoundError:
        raise BadCredentials(f"{file} is not there. {MAKE_ONE}.") from None
    except UnicodeDecodeError:
        raise BadCredentials(f"{file} is not UTF-8.") from None


def _revoke(args: Namespace) -> int:
    lasts = {} if args.lasts_s is None else {"for_s": args.lasts_s}
    body = client_of(args).post("revocations", args.kind, args.name, reason=args.reason, **lasts)
    return say(
        args, body, lambda _: f"{args.kind} {args.name} is revoked; its connections end within seconds."
    )


def _allow(args: Namespace) -> int:
    body = client_of(args).delete("revocations", args.kind, args.name)
    return say(args, body, lambda _: f"{args.kind} {args.name} may enter again.")


def _revoked(args: Namespace) -> int:
    body = client_of(args).get("revocations")
    return say(args, body, lambda found: "\n".join(map(_line, found["revocations"])) or "Nothing is revoked.")


def _line(entry: dict[str, object]) -> str:
    until = entry["until_ms"]
    ends = (
        "" if until is None else time.strftime(" until %Y-%m-%d %H:%MZ", time.gmtime(cast(int, until) / 1000))
    )
    return f"{entry['kind']:10} {entry['name']}{ends} {entry['reason']}".rstrip()


def _duration(text: str) -> int:
    number, unit = text[:-1], text[-1:]
    if not number.isdecimal() or unit not in _UNITS_S or not 0 < int(number) < 10**6:
        raise ArgumentTypeError(f"{text!r} is no duration: write one such as 12h or 30d")
    return int(number) * _UNITS_S[unit]


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _limit(text: str) -> tuple[str, float]:
    name, _, number = text.partition("=")
    try:
        return name, float(number)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not of the form name=number") from None
