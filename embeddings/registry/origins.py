"""Where a version in the cache was fetched from: written down beside its folder."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from embeddings.registry import signing
from embeddings.registry.mirror import Mirror
from embeddings.store.folders import write_text


@dataclass(frozen=True)
class Fetched:
    """A version in the cache.

    Attributes:
        folder: of the version.
        identity: ``name@version``.
        url: of the registry.
        tag: state of the registry that it was fetched from: a commit on the Hub, an ETag elsewhere, or empty.
        signed: what is known of its signature.
        fetched: when, in UTC.
        n_bytes: that were asked for by this call; 0 if it was there.
    """

    folder: Path
    identity: str
    url: str
    tag: str
    signed: signing.Signed
    fetched: str
    n_bytes: int = 0


def write_origin(fetched: Fetched) -> None:
    """Write down beside the folder where it comes from."""
    document = {key: value for key, value in asdict(fetched).items() if key not in ("folder", "n_bytes")}
    write_text(_origin_file(fetched.folder), json.dumps(document, indent=2) + "\n")


def origin_of(folder: Path) -> Fetched | None:
    """Return where a version's folder was fetched from; None for one that was not."""
    try:
        document = json.loads(_origin_file(folder).read_text(encoding="utf-8"))
        return Fetched(folder, **{**document, "signed": signing.Signed(**document["signed"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def fetched_before(mirror: Mirror, name: str, version: str) -> Fetched:
    """Return a version that is in a mirror already, with what is known of its origin."""
    folder = mirror.version_folder(name, version)
    unknown = Fetched(folder, f"{name}@{version}", mirror.url, "", signing.Signed("none"), "")
    return replace(origin_of(folder) or unknown, folder=folder)


def _origin_file(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.origin.json")
