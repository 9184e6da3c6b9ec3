"""What stands beside a published version for the tools of others: the card of the Hub, Croissant, a citation.

They are generated from the manifest alone and are no part of the version: no manifest lists them, nothing here reads
them, and an older version gets them when it is published, without a change to its folder.
"""

from __future__ import annotations

from pathlib import Path

from embeddings.store.card import render_card
from embeddings.store.citation import CITATION, render_citation
from embeddings.store.croissant import CROISSANT, render_croissant
from embeddings.store.manifest import MANIFEST, read_manifest
from embeddings.store.reading import read_bounded

README = "README.md"

COMPANIONS = frozenset({README, CROISSANT, CITATION})
"""Names of files that may stand beside those of a version without being listed in its manifest."""


def companions(folder: Path, *, url: str | None = None) -> dict[str, bytes]:
    """Return what is published beside the files of a version.

    Args:
        folder: of the version; it is not changed.
        url: where it is published, for search engines; None if that is not known yet.

    Returns:
        File name -> content: ``README.md`` (the card as the HuggingFace Hub reads it, so that
        ``datasets.load_dataset`` finds the table), ``croissant.json`` and ``CITATION.cff``. The same folder gives the
        same bytes.

    Raises:
        CatalogCorrupt: the manifest is missing, cannot be read, or was altered.
        ManifestInvalid: the manifest does not fit its schema.
    """
    manifest = read_manifest(folder)
    texts = {
        README: render_card(manifest),
        CROISSANT: render_croissant(manifest, read_bounded(Path(folder) / MANIFEST), url=url),
        CITATION: render_citation(manifest),
    }
    return {name: text.encode() for name, text in texts.items()}
