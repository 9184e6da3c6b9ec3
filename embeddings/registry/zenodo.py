"""A folder with all that a deposit on Zenodo needs: the files, and the body of the request that describes them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from embeddings.errors import InputInvalid, OutputInvalid
from embeddings.registry.archive import archive_path, file_names, pack
from embeddings.store.companions import companions
from embeddings.store.folders import move_into_place, staged_folder
from embeddings.store.manifest import Manifest
from embeddings.store.roots import manifest_of, verify

DEPOSIT = "deposit.json"


def write_deposit(folder: Path, out: Path, creators: Sequence[str]) -> list[str]:
    """Write a folder with the files of a version, its archive, and the metadata of a deposit.

    Args:
        folder: of the version; every byte of it is checked first.
        out: a folder that does not exist yet; one that was made for the same deposit stays as it is.
        creators: who deposits, each as ``"Family, Given"``.

    Returns:
        The names of its files.

    Raises:
        CatalogCorrupt: the folder is not what its manifest says.
        InputInvalid: no creators, or one without a comma.
        OutputInvalid: the folder exists, or cannot be written.
    """
    if not creators or not all(", " in creator for creator in creators):
        raise InputInvalid('Zenodo needs the creators. Name each of them: --creator "Family, Given".')
    verify(folder)
    manifest = manifest_of(folder)
    text = json.dumps(deposit(manifest, creators), indent=2, ensure_ascii=False) + "\n"
    if out.exists():
        if _reads(out / DEPOSIT) == text:
            return sorted(path.name for path in out.iterdir())
        raise OutputInvalid(f"{out} exists. Choose another folder for the deposit, or remove it.")
    try:
        with staged_folder(out) as staged:
            for name in file_names(manifest):
                shutil.copyfile(folder / name, staged / name)
            pack(folder, manifest, staged / archive_path(manifest.name, manifest.version).rpartition("/")[2])
            for name, content in companions(folder).items():
                (staged / name).write_bytes(content)
            (staged / DEPOSIT).write_text(text, encoding="utf-8")
            move_into_place(staged, out)
    except FileExistsError as error:
        raise OutputInvalid(f"{out} exists. Choose another folder for the deposit, or remove it.") from error
    return sorted(path.name for path in out.iterdir())


def _reads(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def deposit(manifest: Manifest, creators: Sequence[str]) -> dict[str, Any]:
    """Return the body of a request to Zenodo's API for depositions (https://developers.zenodo.org)."""
    related = [
        {"identifier": doi, "relation": "isDerivedFrom", "resource_type": "publication-article"}
        for doi in [manifest.citation.doi]
        if doi
    ]
    paragraphs = [
        manifest.description,
        f"{manifest.n_rows:,} rows of width {manifest.dim}, kind {manifest.kind}.",
        manifest.licence.attribution,
        f"Seal of the manifest: {manifest.manifest_sha256}",
    ]
    metadata = {
        "title": f"{manifest.name} {manifest.version}: embeddings for materials",
        "upload_type": "dataset",
        "description": "".join(f"<p>{_escaped(paragraph)}</p>" for paragraph in paragraphs),
        "creators": [{"name": creator} for creator in creators],
        "version": manifest.version,
        "publication_date": manifest.created[:10],
        "access_right": "open",
        "license": manifest.licence.spdx.lower(),
        "keywords": ["chemistry", "embeddings", "materials science", manifest.model.name],
        **({"related_identifiers": related} if related else {}),
    }
    return {"metadata": metadata}


def _escaped(text: str) -> str:
    from html import escape

    return escape(" ".join(text.split()), quote=False)
