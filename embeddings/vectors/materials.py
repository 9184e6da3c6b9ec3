"""What catalogs of structures and of sites share: a name from the footer of their file, and identifiers as keys."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import numpy as np

from embeddings.errors import TrainingNotTold
from embeddings.vectors.footer import Footer


class MaterialCatalog:
    """Vectors by the identifiers of structures."""

    footer: Footer

    @cached_property
    def _row_of(self) -> dict[str, int]:
        """Identifier -> its place, in the order of the file."""
        raise NotImplementedError

    @property
    def _distances(self) -> np.ndarray | None:
        """(n,) float32, of the structures to what the encoder was trained on; None where the file does not tell."""
        raise NotImplementedError

    @property
    def unlike(self) -> tuple[str, ...]:
        """Identifiers of the structures that are unlike what the encoder was trained on, the farthest first.

        They lie farther away than 99% of the crystals that were held out from the training.

        Raises:
            TrainingNotTold: the file does not tell the distances.
        """
        distances, about = self._distances, self.footer.unlike
        if distances is None or about is None:
            raise TrainingNotTold(
                f"{self!r} has no distances to the training: {self.footer.encoder} does not record where its training "
                "structures lie. Make another file with a version that does."
            )
        names, order = list(self), np.argsort(-distances, kind="stable")
        return tuple(names[row] for row in order[: int((distances > about.bound).sum())].tolist())

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
