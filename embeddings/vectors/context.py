"""Element catalogs averaged over context: what ``embeddings embed --level element`` writes, as a catalog."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from embeddings.catalog import ElementCatalog
from embeddings.display.numbers import counted
from embeddings.errors import InputInvalid
from embeddings.store.decode import table_of_rows
from embeddings.store.licences import combined_attribution
from embeddings.store.manifest import Licence, Manifest
from embeddings.store.tables import measure
from embeddings.vectors.file import open_vectors
from embeddings.vectors.footer import Footer


def read_context_catalog(path: Path | str) -> ElementCatalog:
    """Read a file of element vectors that are means over all sites of an element in given structures.

    Raises:
        CatalogNotFound: there is no such file.
        CatalogCorrupt: it is damaged.
        InputInvalid: not a file of vectors of elements.
    """
    file, footer = open_vectors(path)
    if footer.level != "element":
        raise InputInvalid(f"{path} holds vectors of level {footer.level}, not of elements.")
    table = table_of_rows(file.read(), Path(path))
    return ElementCatalog(measure(_provenance(footer), table), table)


def _provenance(footer: Footer) -> Manifest:
    """Return the manifest of the encoder's catalog, changed to what these vectors are."""
    catalog, licences = footer.catalog, (footer.catalog.licence, footer.licence)
    encoder = f"--encoder {catalog.name}" if footer.is_of_others else f"--catalog {footer.encoder}"
    return replace(
        catalog,
        name=f"{catalog.name}-in-context",
        description=f"Element vectors of {footer.encoder}, each the mean over all sites of the element in "
        f"{counted(footer.n_structures, 'structure')} of {footer.source}.",
        synthetic=catalog.synthetic or footer.synthetic,
        licence=Licence(
            spdx=" AND ".join(dict.fromkeys(licence.spdx for licence in licences)),
            attribution=combined_attribution(licence.attribution for licence in licences),
        ),
        command=f"embeddings embed {encoder} --level element",
    )
