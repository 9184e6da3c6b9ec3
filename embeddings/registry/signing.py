"""Signatures of publishers, in the format of minisign (https://jedisct1.github.io/minisign), through py-minisign.

What is signed is the text of a manifest: it has the hash of every other file of its version.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from embeddings.errors import InputInvalid, SignatureInvalid, needs

EXTRA = "share"


@dataclass(frozen=True)
class Signed:
    """What is known of a signature.

    Attributes:
        state: ``"verified"`` by the pinned key; ``"unpinned"`` if there is a signature but no key to check it with;
            ``"none"`` if there is no signature.
        key: the pinned key that it was verified with.
    """

    state: Literal["verified", "unpinned", "none"]
    key: str = ""

    def __str__(self) -> str:
        return {
            "verified": f"signed, verified with the pinned key {self.key}",
            "unpinned": "signed, but not verified: no key is pinned for this registry (embeddings registry add --key)",
            "none": "not signed: hashes show that it is whole, not who made it",
        }[self.state]


def sign(manifest: bytes, identity: str, key_file: Path, password: str | None = None) -> str:
    """Return the signature of a manifest.

    Args:
        manifest: its text.
        identity: ``name@version``, for the trusted comment.
        key_file: a secret key of minisign.
        password: of the key; None for a key without.

    Raises:
        InputInvalid: the key cannot be read, or the password is wrong or missing.
        MissingExtra: py-minisign is not installed.
    """
    library = _library()
    try:
        key = library.SecretKey.from_file(key_file)
        if key.is_encrypted():
            if password is None:
                raise InputInvalid(f"The key {key_file} has a password. Give it in EMBEDDINGS_SIGNING_PASSWORD.")
            key.decrypt(password)
        signature = key.sign(manifest, trusted_comment=f"{identity} of materials-embeddings")
    except (library.Error, OSError, UnicodeError) as error:
        raise InputInvalid(f"The key {key_file} cannot be used: {error}.") from error
    return bytes(signature).decode()


def check(manifest: bytes, identity: str, signature: str, key: str) -> Signed:
    """Check the signature of a manifest against the pinned key, if there is one.

    Raises:
        SignatureInvalid: a key is pinned, and the signature is missing, broken, or by another key.
        MissingExtra: a key is pinned, and py-minisign is not installed.
    """
    if not key:
        return Signed("unpinned" if signature else "none")
    if not signature:
        raise SignatureInvalid(
            f"{identity} is not signed, although the key {key} is pinned for its registry. It was not used; ask the "
            "publisher."
        )
    library = _library()
    try:
        library.PublicKey.from_base64(key).verify(manifest, library.Signature.from_bytes(signature.encode()))
    except (library.Error, UnicodeError, ValueError) as error:
        raise SignatureInvalid(
            f"The signature of {identity} is not by the pinned key {key} ({error}). It was not used; ask the publisher."
        ) from error
    return Signed("verified", key)


def _library() -> Any:
    with needs("py-minisign", EXTRA):
        import minisign
    return minisign
