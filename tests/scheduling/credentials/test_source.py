"""Changes of the credentials that are noticed while a server runs."""

import os
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from scheduling.credentials.source import CredentialSource
from scheduling.settings import read_settings


def write_key(place: Path, at_ns: int) -> None:
    public = Ed25519PrivateKey.generate().public_key()
    place.write_bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    os.utime(place, ns=(at_ns, at_ns))


def test_a_key_is_read_anew_wherever_its_file_is(tmp_path: Path) -> None:
    """Files beside the credentials were looked at if their names end in .pem, and no others."""
    key = tmp_path / "keys" / "idp.pub"
    key.parent.mkdir()
    write_key(key, 1)
    file = tmp_path / "credentials.toml"
    file.write_text('[[keys]]\nkid = "idp"\nalgorithm = "EdDSA"\nfile = "keys/idp.pub"\n')
    source = CredentialSource(read_settings(redis_url="redis://unused", credentials_file=str(file)))
    former = source.book
    assert not source.reload()
    write_key(key, 2)
    assert source.reload()
    assert source.book != former
    assert not source.reload()
