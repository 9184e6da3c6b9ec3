"""The atlas: a map of many structures as a folder that a browser opens from disk, without a network."""

from embeddings.explorer.atlas.folder import write_atlas

__all__ = ["write_atlas"]
