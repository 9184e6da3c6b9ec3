"""What stands beside a published version for the tools of others: the card of the Hub, Croissant, a citation.

They are generated from the manifest alone and are no part of the version: no manifest lists them, nothing here reads
them, and an older version gets them when it is published, without a change to its folder.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from embeddings.store.card import hub_header, render_card, table_of
from embeddings.store.citation import CITATION, render_citation
from embeddings.store.croissant import CROISSANT, render_croissant
from embeddings.store.manifest import MANIFEST, Manifest, read_manifest
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


def registry_card(title: str, manifests: Mapping[str, Manifest] | Sequence[Manifest]) -> bytes:
    """Return the README.md of a root with many versions, so that each is a configuration of one Hub data set.

    ``datasets.load_dataset("org/repo", "ct-multi@3.0.0")`` then reads the table of that version.

    Args:
        title: of the page, such as the name of the repository.
        manifests: of the versions, or path of each version's folder below the root -> its manifest. The path is
            ``<name>/<version>`` where none is given.
    """
    listed = dict(manifests) if isinstance(manifests, Mapping) else {f"{m.name}/{m.version}": m for m in manifests}
    configs = [
        {"config_name": f"{manifest.name}@{manifest.version}", "data_files": f"{path}/{table_of(manifest)}"}
        for path, manifest in listed.items()
    ]
    header = hub_header(title, [manifest.licence.spdx for manifest in listed.values()], configs)
    rows = "\n".join(
        f"| [{m.name} {m.version}]({path}) | {m.kind} | {m.n_rows} | {m.dim} | {m.licence.spdx} | {m.description} |"
        for path, m in listed.items()
    )
    table = f"| catalog | kind | rows | width | license | |\n| --- | --- | --- | --- | --- | --- |\n{rows}"
    return f"---\n{header}\n---\n\n# {title}\n\nVersioned, verified vectors for materials.\n\n{table}\n".encode()
