"""Which tokens are accepted, and that nobody can forge one."""

import hmac
import json
import string
import time
import tomllib
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from hypothesis import given
from hypothesis import strategies as st
from jwt.utils import base64url_decode

from scheduling.credentials import BadCredentials, CredentialBook, Identity, Refusal, read_book
from scheduling.credentials.identity import fingerprint_of_word
from scheduling.credentials.jwt_keys import ALGORITHMS, LEEWAY_S, MOST_TOKEN
from scheduling.credentials.static import digest
from tests.credentials import CredentialFile, unsigned

CLAIMS = {"sub": "anna", "role": "client", "exp": time.time() + 3600}


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> CredentialFile:
    return CredentialFile(tmp_path_factory.mktemp("keys"), *ALGORITHMS)


def book_of(file: CredentialFile) -> CredentialBook:
    return read_book(file.path.read_text(), file.path.parent)


def reason(book: CredentialBook, token: str) -> str:
    with pytest.raises(Refusal) as caught:
        book.identify(token, time.time())
    assert token not in caught.value.message
    return caught.value.reason


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_jwt_of_each_algorithm_says_who_comes(file: CredentialFile, algorithm: str) -> None:
    token = file.jwt(
        algorithm,
        "client",
        "anna",
        tenant="acme",
        languages=["EN", "pt-BR"],
        limits={"sessions": 2},
        tier="gold",
    )
    found = book_of(file).identify(token, time.time())
    assert (found.role, found.subject, found.tenant, found.tier) == ("client", "anna", "acme", "gold")
    assert found.languages == {"en", "pt"}
    assert dict(found.limits) == {"sessions": 2}
    assert (found.way, found.key) == ("jwt", algorithm)


def test_an_identity_cannot_be_changed(file: CredentialFile) -> None:
    found = book_of(file).identify(file.jwt("HS256", "client", limits={"sessions": 2}), time.time())
    with pytest.raises(AttributeError):
        found.tenant = "other"  # type: ignore[misc]
    with pytest.raises(TypeError):
        found.limits["sessions"] = 9  # type: ignore[index]


def test_a_public_key_is_no_secret_of_hs256(file: CredentialFile) -> None:
    """The classic: who knows the public key signs with it as if it were the secret."""
    book = book_of(file)
    keys = {entry["kid"]: entry for entry in tomllib.loads(file.path.read_text())["keys"]}
    for kid in ("RS256", "ES256", "EdDSA"):
        head = unsigned({"alg": "HS256", "kid": kid}, CLAIMS).rpartition(".")[0]
        mac = hmac.digest(keys[kid]["public_key"].encode(), head.encode(), "sha256")
        forged = f"{head}.{_b64(mac)}"
        assert reason(book, forged) == "wrong_algorithm"


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "HS384", "HS512", "PS256", "", None, 7])
def test_no_other_algorithm_than_the_keys_own(file: CredentialFile, alg: Any) -> None:
    for kid in ALGORITHMS:
        assert reason(book_of(file), unsigned({"alg": alg, "kid": kid}, CLAIMS)) in (
            "wrong_algorithm",
            "malformed",
        )


def test_without_a_kid_a_token_is_taken_only_where_one_key_is(tmp_path: Path, file: CredentialFile) -> None:
    token = jwt.encode(CLAIMS, "x" * 32, "HS256")
    assert reason(book_of(file), token) == "unknown_key"
    one = read_book(f'[[keys]]\nkid="a"\nalgorithm="HS256"\nsecret="{"x" * 32}"', tmp_path)
    assert one.identify(token, time.time()).subject == "anna"


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"exp": 1}, "expired"),
        ({"nbf": time.time() + 3600}, "not_yet_valid"),
        ({"exp": None}, "malformed"),
        ({"exp": "tomorrow"}, "malformed"),
        ({"sub": None}, "malformed"),
        ({"sub": 7}, "malformed"),
        ({"sub": "a b\n"}, "malformed"),
        ({"role": "root"}, "malformed"),
        ({"role": ["client"]}, "malformed"),
        ({"tenant": "x" * 65}, "malformed"),
        ({"languages": "en"}, "malformed"),
        ({"languages": [{}]}, "malformed"),
        ({"limits": {"sessions": True}}, "malformed"),
        ({"limits": {"sessions": -1}}, "malformed"),
        ({"limits": {"audio_min": 1e305}}, "malformed"),
        ({"limits": {"Sessions!": 1}}, "malformed"),
        ({"node_id": "n1"}, "malformed"),
    ],
)
def test_claims_that_are_refused(file: CredentialFile, claims: dict[str, Any], why: str) -> None:
    stated = {name: value for name, value in (CLAIMS | claims).items() if value is not None}
    assert reason(book_of(file), file.signed("HS256", stated)) == why


def test_a_key_vouches_for_its_roles_only(tmp_path: Path) -> None:
    secret = "k" * 40
    text = f'[[keys]]\nkid="a"\nalgorithm="HS256"\nsecret="{secret}"\nroles=["client"]'
    token = jwt.encode(CLAIMS | {"role": "admin"}, secret, "HS256", headers={"kid": "a"})
    assert reason(read_book(text, tmp_path), token) == "wrong_role"


def test_issuer_and_audience_must_be_those_of_the_key(tmp_path: Path) -> None:
    secret = "k" * 40
    text = f'[[keys]]\nkid="a"\nalgorithm="HS256"\nsecret="{secret}"\nissuer="us"\naudience="here"'
    book = read_book(text, tmp_path)

    def token(**claims: str) -> str:
        return jwt.encode(CLAIMS | claims, secret, "HS256", headers={"kid": "a"})

    assert book.identify(token(iss="us", aud="here"), time.time()).subject == "anna"
    assert reason(book, token(iss="them", aud="here")) == "wrong_issuer"
    assert reason(book, token(iss="us", aud="there")) == "wrong_audience"
    assert reason(book, token(aud="here")) == "malformed"


def test_a_token_keeps_its_name_with_another_signature_that_holds(file: CredentialFile) -> None:
    """Of an ECDSA signature (r, s) there is (r, n - s) too: a revoked token without a jti came back so."""
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    private = load_pem_private_key((file.path.parent / "ES256.private.pem").read_bytes(), None)
    assert isinstance(private, EllipticCurvePrivateKey)
    token = jwt.encode(CLAIMS, private, "ES256", headers={"kid": "ES256"})
    signed, _, signature = token.rpartition(".")
    raw = base64url_decode(signature)
    other = f"{signed}.{_b64(raw[:32] + (order - int.from_bytes(raw[32:])).to_bytes(32))}"
    assert other != token
    first, second = (book_of(file).identify(each, time.time()) for each in (token, other))
    assert first.credential == second.credential


def test_a_key_that_is_another_one_by_the_same_name_vouches_for_nobody_before(tmp_path: Path) -> None:
    """Its tokens were refused, but who had come in by them stayed."""
    text = """[[keys]]\nkid = "k"\nalgorithm = "HS256"\nsecret = "%s"\n"""
    former, newer = (read_book(text % (letter * 40), tmp_path) for letter in "ab")
    identity = former.identify(jwt.encode(CLAIMS, "a" * 40, headers={"kid": "k"}), time.time())
    assert former.holds(identity, time.time())
    assert read_book(text % ("a" * 40), tmp_path).holds(identity, time.time())
    assert not newer.holds(identity, time.time())


def test_no_word_of_a_node_without_a_credential_has_the_fingerprint_of_a_subject() -> None:
    """A node on a trusted network that called its credential ``subject:anna`` was taken for hers."""
    anna = Identity(role="node", subject="anna", way="jwt")
    assert anna.fingerprint
    assert anna.fingerprint != fingerprint_of_word("subject:anna")


def test_a_static_token_is_known_by_its_hash(tmp_path: Path) -> None:
    file = CredentialFile(tmp_path)
    token = file.static("node", "lisbon", node_id="n1", limits={"slots": 4})
    assert token not in file.path.read_text()
    assert file.path.stat().st_mode & 0o077 == 0
    found = book_of(file).identify(token, time.time())
    assert (found.role, found.subject, found.node_id) == ("node", "lisbon", "n1")
    assert reason(book_of(file), token[:-1]) == "unknown"
    assert reason(book_of(file), digest(token)) == "unknown"


def test_a_static_token_ends(tmp_path: Path) -> None:
    file = CredentialFile(tmp_path)
    token = file.static("client", expires_s=time.time() - 1)
    assert reason(book_of(file), token) == "expired"


def test_a_path_secret_is_no_token_and_a_token_no_path_secret(tmp_path: Path) -> None:
    file = CredentialFile(tmp_path)
    token, secret = file.static("node"), file.path_secret("node")
    assert reason(book_of(file), secret) == "unknown"
    assert book_of(file).identify_path(secret, time.time()).way == "path"
    with pytest.raises(Refusal):
        book_of(file).identify_path(token, time.time())


def test_what_let_somebody_in_may_go(tmp_path: Path) -> None:
    file = CredentialFile(tmp_path, "HS256", "EdDSA")
    book, now_s = book_of(file), time.time()
    by_jwt = book.identify(file.jwt("EdDSA", "client"), now_s)
    assert book.holds(by_jwt, now_s)
    assert not book.holds(by_jwt, (by_jwt.expires_s or 0) + LEEWAY_S + 1)
    assert not replace(book, keys={"HS256": book.keys["HS256"]}).holds(by_jwt, now_s)
    token = file.static("client")
    by_token = book_of(file).identify(token, now_s)
    assert book_of(file).holds(by_token, now_s)
    assert not book.holds(by_token, now_s)


@pytest.mark.parametrize(
    "text",
    [
        "[[keys]", "[[tokens]]\nid=1", "keys=3", "[[other]]\na=1", '[[keys]]\nkid="a"\nalgorithm="none"',
        '[[keys]]\nkid="a"\nalgorithm="HS256"\nsecret="hushhush"', '[[keys]]\nkid="a"\nalgorithm="HS256"',
        '[[keys]]\nkid="a"\nalgorithm="RS256"\nsecret="hushhush0123456789012345678901234567890123456789"',
        '[[keys]]\nkid="a"\nalgorithm="EdDSA"\npublic_key="nothing"',
        '[[keys]]\nkid="a"\nalgorithm="EdDSA"\nfile="missing.pem"',
        '[[tokens]]\nid="a"\nsha256="sdt_hushhush"\nrole="node"', '[[tokens]]\nid="a"\nrole="node"',
        f'[[path_secrets]]\nid="a"\nrole="admin"\nsha256="{"0" * 64}"',
        f'[[tokens]]\nid="a"\nrole="node"\nsha256="{"0" * 64}"\ntoken="sdt_hushhush"',
        2 * f'[[tokens]]\nid="a"\nrole="node"\nsha256="{"0" * 64}"\n',
    ],
)  # fmt: skip
def test_a_wrong_file_is_refused_without_showing_its_secrets(text: str, tmp_path: Path) -> None:
    with pytest.raises(BadCredentials) as caught:
        read_book(text, tmp_path)
    assert "hushhush" not in str(caught.value)


def test_keys_of_the_wrong_kind_are_refused(file: CredentialFile, tmp_path: Path) -> None:
    keys = {entry["kid"]: entry for entry in tomllib.loads(file.path.read_text())["keys"]}
    for algorithm in ("RS256", "ES256", "EdDSA"):
        other = "ES256" if algorithm != "ES256" else "RS256"
        text = (
            f'[[keys]]\nkid="a"\nalgorithm="{algorithm}"\npublic_key={json.dumps(keys[other]["public_key"])}'
        )
        with pytest.raises(BadCredentials, match="needs"):
            read_book(text, tmp_path)
    private = (file.path.parent / "EdDSA.private.pem").read_text()
    with pytest.raises(BadCredentials, match="private"):
        read_book(f'[[keys]]\nkid="a"\nalgorithm="EdDSA"\npublic_key={json.dumps(private)}', tmp_path)


SECRET = "the secret that nobody but the server knows"
KNOWN = read_book(
    f'[[keys]]\nkid="a"\nalgorithm="HS256"\nsecret="{SECRET}"\n'
    f'[[tokens]]\nid="t"\nrole="node"\nsha256="{sha256(b"sdt_known").hexdigest()}"\n',
    Path(),
)
GOOD = jwt.encode({"sub": "anna", "role": "client", "exp": 2**33}, SECRET, "HS256", headers={"kid": "a"})
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
NAMES = (
    "sub",
    "role",
    "exp",
    "nbf",
    "iat",
    "tenant",
    "languages",
    "limits",
    "tier",
    "node_id",
    "jti",
    "aud",
    "iss",
)


def forged(token: str) -> None:
    """Nothing but a refusal may come of it."""
    with pytest.raises(Refusal):
        KNOWN.identify(token, time.time())


@given(st.text(max_size=200) | st.text(string.ascii_letters + "._-=", max_size=200))
def test_any_text_is_refused(token: str) -> None:
    if token not in (GOOD, "sdt_known"):
        forged(token)


@given(
    st.integers(min_value=0, max_value=len(GOOD) - 1),
    st.sampled_from(string.ascii_letters + string.digits + "-_."),
)
def test_a_changed_token_is_never_another_ones(at: int, letter: str) -> None:
    changed = GOOD[:at] + letter + GOOD[at + 1 :]
    try:
        found = KNOWN.identify(changed, time.time())
    except Refusal:
        return
    # The last character has bits that mean nothing: the token is the same then.
    assert (found.subject, found.role) == ("anna", "client")
    assert changed.rpartition(".")[0] == GOOD.rpartition(".")[0]


@given(JSON, JSON, st.binary(max_size=64))
def test_any_parts_are_refused(header: Any, claims: Any, signature: bytes) -> None:
    forged(unsigned(header, claims, signature))


@given(st.dictionaries(st.sampled_from(["alg", "kid", "typ", "crit", "b64", "jwk", "x5c"]), JSON), JSON)
def test_any_header_is_refused(header: dict[str, Any], claims: Any) -> None:
    forged(unsigned({"alg": "HS256", "kid": "a"} | header, claims, b"\0" * 32))


@given(st.dictionaries(st.sampled_from(NAMES), JSON))
def test_any_claims_that_are_signed_make_an_identity_or_a_refusal(claims: dict[str, Any]) -> None:
    token = _signed({"sub": "anna", "role": "client", "exp": 2**33} | claims)
    try:
        found = KNOWN.identify(token, time.time())
    except Refusal as refusal:
        assert refusal.reason in (
            "malformed", "expired", "not_yet_valid", "wrong_audience", "wrong_issuer", "unknown",
        )  # fmt: skip
    else:
        assert isinstance(found, Identity)
        assert found.role in ("node", "client", "admin")


def test_a_huge_token_is_not_looked_at() -> None:
    forged("a." * (MOST_TOKEN // 2) + ".b")
    forged(_b64(b"[" * 2000) + "." + _b64(b"[" * 2000) + ".")


def _signed(claims: dict[str, Any]) -> str:
    head = f"{_b64(json.dumps({'alg': 'HS256', 'kid': 'a'}).encode())}.{_b64(json.dumps(claims).encode())}"
    return f"{head}.{_b64(hmac.digest(SECRET.encode(), head.encode(), 'sha256'))}"


def _b64(data: bytes) -> str:
    return unsigned({}, {}, data).rpartition(".")[2]
