"""What catalogs of structures and of sites share: a name from the footer of their file, and identifiers as keys."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from embeddings.vectors.file import Footer


class MaterialCatalog:
    """Vectors by the identifiers of structures."""

    footer: Footer

    @cached_property
    def _row_of(self) -> dict[str, int]:
        """Identifier -> its place, in the order of the file."""
        raise NotImplementedError

    @property
    def name(self) -> str:
        """Name of the catalog whose encoder made the vectors."""
        return self.footer.catalog.name

    @property
    def version(self) -> str:
        """Version of the catalog whose encoder made the vectors."""
        return self.footer.catalog.version

    def __contains__(self, material_id: object) -> bool:
        return material_id in self._row_of

    def __len__(self) -> int:
        return len(self._row_of)

    def __iter__(self) -> Iterator[str]:
        return iter(self._row_of)
