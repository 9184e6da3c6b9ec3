"""A name and a version mean one content, wherever they are found: the seal of the manifest tells contents apart."""

from __future__ import annotations

from embeddings.errors import CatalogConflict, CatalogExists


def already_taken(identity: str, where: object, theirs: str, ours: str) -> CatalogExists:
    """Return the error for a version that is published with other content."""
    return CatalogExists(
        f"{identity} is in {where} with the seal {theirs}, and the one to publish has the seal {ours}. A released "
        "version is never edited: publish under a new version."
    )


def check_seals(identity: str, *, here: str, where: object, there: str, source: object) -> None:
    """Refuse content whose name and version already mean something else here.

    Args:
        identity: ``name@version``.
        here: the seal of what is known.
        where: it is.
        there: the seal of what a registry has.
        source: where that is.

    Raises:
        CatalogConflict: the two differ; the message names both.
    """
    if here != there:
        raise CatalogConflict(
            f"{identity} has two contents: seal {here} in {where}, and seal {there} in {source}. What is here stays. "
            "Ask the publisher which one is right; a released version is never edited."
        )
