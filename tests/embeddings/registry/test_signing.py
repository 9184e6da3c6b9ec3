"""Signatures of publishers: verified where a key is pinned, their absence said, and nothing else passes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from embeddings.errors import InputInvalid, SignatureInvalid
from embeddings.registry.address import parse_address
from embeddings.registry.fetch import fetch
from embeddings.registry.push import push
from embeddings.registry.remembered import remember
from testing.toys import write_toy

minisign = pytest.importorskip("minisign")


def key(folder: Path, name: str, password: str | None = None) -> tuple[Path, str]:
    """Write a secret key, and return its file and its public key."""
    pair = minisign.KeyPair.generate()
    public = pair.public_key.to_base64().decode()
    if password:
        pair.secret_key.encrypt(password, opslimit=1_000_000, memlimit=1 << 20)
    path = folder / name
    path.write_bytes(bytes(pair.secret_key))
    return path, public


@pytest.fixture
def registry(tmp_path: Path) -> str:
    return (tmp_path / "registry").as_uri()


def test_a_signed_version_is_verified_with_the_pinned_key(registry: str, tmp_path: Path) -> None:
    secret, public = key(tmp_path, "key")
    assert push(write_toy(tmp_path / "mine"), registry, key_file=secret).is_signed
    assert fetch(parse_address(f"{registry}/toy")).signed.state == "unpinned"
    remember("lab", registry, public)
    for address in ("lab:toy", f"{registry}/toy", "lab:toy@0.1.0"):
        assert str(fetch(parse_address(address)).signed) == f"signed, verified with the pinned key {public}"


def test_what_is_not_signed_with_the_pinned_key_is_refused(registry: str, tmp_path: Path) -> None:
    (secret, _), (_, other) = key(tmp_path, "key"), key(tmp_path, "other")
    push(write_toy(tmp_path / "mine"), registry, key_file=secret)
    push(write_toy(tmp_path / "mine", version="0.2.0"), registry)
    fetch(parse_address(f"{registry}/toy@0.1.0"))
    remember("lab", registry, other)
    with pytest.raises(SignatureInvalid, match="is not by the pinned key"):
        fetch(parse_address("lab:toy@0.1.0"))  # though it is there from before the key was pinned
    with pytest.raises(SignatureInvalid, match=r"toy@0\.2\.0 is not signed"):
        fetch(parse_address("lab:toy@0.2.0"))


def test_the_signature_of_one_version_is_not_that_of_another(registry: str, tmp_path: Path) -> None:
    secret, public = key(tmp_path, "key")
    for version in ("0.1.0", "0.2.0"):
        push(write_toy(tmp_path / "mine", version=version), registry, key_file=secret)
    index = tmp_path / "registry" / "index.json"
    document = json.loads(index.read_text())
    releases = document["catalogs"]["toy"]["releases"]
    releases["0.2.0"]["signature"] = releases["0.1.0"]["signature"]
    index.write_text(json.dumps(document))
    remember("lab", registry, public)
    with pytest.raises(SignatureInvalid):
        fetch(parse_address("lab:toy@0.2.0"))


@pytest.mark.parametrize("signature", ["x", "untrusted comment: x\nRW\ntrusted comment: x\ny", "\n\n\n\n"])
def test_signatures_of_another_form(signature: str, registry: str, tmp_path: Path) -> None:
    _, public = key(tmp_path, "key")
    push(write_toy(tmp_path / "mine"), registry)
    index = tmp_path / "registry" / "index.json"
    document = json.loads(index.read_text())
    document["catalogs"]["toy"]["releases"]["0.1.0"]["signature"] = signature
    index.write_text(json.dumps(document))
    remember("lab", registry, public)
    with pytest.raises(SignatureInvalid):
        fetch(parse_address("lab:toy"))


def test_a_version_can_be_signed_later(registry: str, tmp_path: Path) -> None:
    secret, public = key(tmp_path, "key")
    folder = write_toy(tmp_path / "mine")
    push(folder, registry)
    assert push(folder, registry, key_file=secret).is_new
    assert not push(folder, registry, key_file=secret).is_new
    remember("lab", registry, public)
    assert fetch(parse_address("lab:toy")).signed.state == "verified"
    signature = tmp_path / "registry" / "toy" / "toy-0.1.0.minisig"  # for the program minisign
    manifest = (folder / "manifest.json").read_bytes()
    minisign.PublicKey.from_base64(public).verify(manifest, minisign.Signature.from_file(signature))


def test_keys_with_a_password(registry: str, tmp_path: Path) -> None:
    secret, _ = key(tmp_path, "key", "right")
    folder = write_toy(tmp_path / "mine")
    for password, match in [(None, "EMBEDDINGS_SIGNING_PASSWORD"), ("wrong", "cannot be used")]:
        with pytest.raises(InputInvalid, match=match):
            push(folder, registry, key_file=secret, password=password)
    assert not (tmp_path / "registry").exists()
    assert push(folder, registry, key_file=secret, password="right").is_signed


@pytest.mark.parametrize("content", [None, b"", b"x\ny\n"])
def test_keys_that_are_none(content: bytes | None, registry: str, tmp_path: Path) -> None:
    path = tmp_path / "key"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputInvalid, match="cannot be used"):
        push(write_toy(tmp_path / "mine"), registry, key_file=path)
