"""Whatever has a manifest goes by a name and a version."""

from __future__ import annotations

from embeddings.store.manifest.document import Manifest


class Versioned:
    """What has a manifest goes by its name and version."""

    manifest: Manifest

    @property
    def name(self) -> str:
        """Name of the catalog, or of that which an encoder comes from."""
        return self.manifest.name

    @property
    def version(self) -> str:
        """Semantic version."""
        return self.manifest.version
