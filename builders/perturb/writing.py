"""Copies as one table in the structure schema, which says where they come from."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from builders.others.base import About
from builders.progress import Reporter
from builders.sources.origins import Origin
from builders.structures.table import STRUCTURE_COLUMNS
from embeddings.errors import OutputInvalid
from embeddings.store.folders import atomic_file
from embeddings.store.licences import combined_attribution, combined_licence
from embeddings.store.outputs import check_file
from embeddings.store.temporaries import sweep

ENDINGS = (".parquet", ".pq")

COPIES = b"copies"
"""Key of the metadata of the file under which `Copies` is."""

ROWS_PER_GROUP = 20_000


@dataclass(frozen=True)
class Copies:
    """What a file of copies says of itself.

    Attributes:
        identity: of the structures, the moves and the potential: the same identity, the same file.
        n_rows: structures and copies.
        potential: what its makers call it.
        weights_sha256: of its weights.
        n_copies: of each structure, beside itself.
        moves: that they go through in turn.
        bounds: how far moves go.
        seed: draws the copies.
        structures_only: whether the copies only told the stiffness of their structures.
        left_out: reason -> number of structures and copies.
    """

    identity: str
    n_rows: int
    potential: str
    weights_sha256: str
    n_copies: int
    moves: tuple[str, ...]
    bounds: dict[str, float]
    seed: int
    structures_only: bool
    left_out: dict[str, int]


def check_target(out: Path) -> None:
    """Refuse a place that could never be written, before any work is done.

    Raises:
        OutputInvalid: it is not the name of a Parquet file, or cannot be written.
    """
    if out.suffix.lower() not in ENDINGS:
        raise OutputInvalid(f"{out}: copies are written to a .parquet file. Choose such a name.")
    check_file(out)


def existing(out: Path, identity: str, reporter: Reporter) -> Copies | None:
    """Return what is known of the copies in a file, if they have this identity; None where there is no such file.

    Raises:
        OutputInvalid: something else is there.
    """
    if not out.exists():
        return None
    try:
        document = json.loads((pq.read_schema(out).metadata or {})[COPIES])
        copies = Copies(**document | {"moves": tuple(document["moves"])})
    except (pa.ArrowException, OSError, KeyError, ValueError, TypeError) as error:
        raise OutputInvalid(f"{out} exists and holds something else. Choose another name.") from error
    if copies.identity != identity:
        raise OutputInvalid(f"{out} exists and holds other copies. Choose another name, or replace it with --force.")
    try:
        pq.read_table(out, page_checksum_verification=True)
    except (pa.ArrowException, OSError):
        reporter.say(f"Making these copies again: {out} is damaged.")
        return None
    sweep(out.parent)
    return copies


def write_copies(
    out: Path, parts: Sequence[Path], copies: Copies, *, like: pa.Schema, origin: Origin, about: About
) -> None:
    """Write all parts as one file, in their order, all or nothing.

    Args:
        out: the file.
        parts: at least one.
        copies: what is known of them.
        like: of the table of the structures; the columns of the copies have its types, so that both are one source.
        origin: of the structures.
        about: the potential.

    Raises:
        OutputInvalid: it cannot be written; the same command goes on.
    """
    schema = _typed(pq.read_schema(parts[0]), like).with_metadata(_metadata(copies, origin, about))
    with (
        atomic_file(out, advice="The same command goes on from here.") as temporary,
        pq.ParquetWriter(temporary, schema, compression="zstd", write_page_checksum=True) as writer,
    ):
        for group in _groups(parts):
            writer.write_table(group.cast(schema))


def _typed(schema: pa.Schema, like: pa.Schema) -> pa.Schema:
    """Return a schema with the types that another has for the columns of structures, where numbers can have them."""
    empty = schema.empty_table()
    for place, name in enumerate(STRUCTURE_COLUMNS):
        kind = like.field(name).type
        try:
            empty[name].cast(kind)
        except pa.ArrowException:
            continue
        if not pa.types.is_integer(kind):  # the identifiers of copies are text
            schema = schema.set(place, schema.field(name).with_type(kind))
    return schema


def _groups(parts: Sequence[Path]) -> Iterator[pa.Table]:
    waiting: list[pa.Table] = []
    for path in parts:
        waiting.append(pq.read_table(path))
        if sum(map(len, waiting)) >= ROWS_PER_GROUP:
            yield pa.concat_tables(waiting)
            waiting = []
    if waiting:
        yield pa.concat_tables(waiting)


def _metadata(copies: Copies, origin: Origin, about: About) -> dict[bytes, bytes]:
    """Return what the file says of itself: as an origin, which sources read, and as copies."""
    made = replace(
        origin,
        name=f"copies of structures of {origin.name}, asked about by {about.title}",
        licence=combined_licence([origin.licence, about.licence.spdx]),
        attribution=combined_attribution([origin.attribution, about.licence.attribution]),
        bibtex=f"{origin.bibtex}\n{about.citation.bibtex}",
        synthetic=True,
    )
    stated = {name: str(value).lower() if isinstance(value, bool) else value for name, value in made.to_dict().items()}
    told = {name.encode(): value.encode() for name, value in stated.items() if value is not None}
    return told | {COPIES: json.dumps(asdict(copies)).encode()}
