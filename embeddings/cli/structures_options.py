"""How the commands that learn from a table of measurements are told of structures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from embeddings.bench.structures import StructureVectors

_OPTIONS = (
    click.option("--structures", type=click.Path(path_type=Path),
                 help="Structures of the rows: a file of vectors that embed wrote, or a folder of structure files."),
    click.option("--id", "ids", metavar="COLUMN",
                 help="Column that identifies the structure of each row.  [default: the best match]"),
)  # fmt: skip


def structure_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --structures and --id to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def check_ids(ids: str | None, structures: Path | None) -> None:
    """Refuse identifiers of structures that are not there.

    Raises:
        click.UsageError: --id is given without --structures.
    """
    if ids is not None and structures is None:
        raise click.UsageError("--id names the column of structures: it goes with --structures.")


def crystals_of(structures: Path | None) -> StructureVectors | None:
    """Return the vectors of the structures that were named, if any were.

    Raises:
        EmbeddingsError: as `embeddings.bench.structures.read_structures` says.
    """
    if structures is None:
        return None
    from embeddings.bench.structures import read_structures

    return read_structures(structures)
