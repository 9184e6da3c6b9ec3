"""One file of vectors that stands for itself: its columns, its rows, and what it says of itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embeddings.errors import EmbeddingsError, MissingExtra
from embeddings.formula.bulk import reduced_formulas
from embeddings.store.decode import COUNTS, table_of_hdf5, table_of_npy, table_of_rows
from embeddings.store.emb import EMB, FIELDS
from embeddings.store.encoder_files import formulas_of_parquet
from embeddings.store.reading import read_bounded, why
from embeddings.validation.report import Finding, advice, refusals
from embeddings.vectors.file import read_pages
from embeddings.vectors.footer import KEY

if TYPE_CHECKING:
    import pyarrow as pa

_COLUMNS = {"atomic_number": "int16", "symbol": "string", "n_structures": "int32"}
_ABOUT = ("name", "version", "licence", "attribution")


def check_file(path: Path) -> Iterator[Finding]:
    """Yield what is wrong with one file of vectors, or of formulas."""
    reader = READERS.get(path.suffix)
    if reader is None:
        yield Finding(path.name, f'It ends in "{path.suffix}"; files of vectors end in {", ".join(READERS)}.')
        return
    yield from reader(path)


def _check_npy(path: Path) -> Iterator[Finding]:
    if path.name.startswith("training_"):
        return  # a digest, which the version's check reads
    yield from refusals(path.name, lambda: table_of_npy(_content(path), path))


def _check_hdf5(path: Path) -> Iterator[Finding]:
    try:
        about = table_of_hdf5(path, path)[1]
    except MissingExtra as error:
        yield advice(path.name, f"It was not read: {error}")
        return
    except EmbeddingsError as error:
        yield Finding(path.name, str(error))
        return
    yield from _check_about(path.name, about)


def _check_parquet(path: Path) -> Iterator[Finding]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        schema = pq.read_schema(path)
        about = {key.decode(errors="replace"): value for key, value in (schema.metadata or {}).items()}
        if KEY.decode() in about:
            yield from refusals(path.name, lambda: read_pages(path))
        elif schema.names == ["formula"]:
            yield from _check_formulas(path)
        else:
            yield from _check_columns(path.name, schema)
            yield from refusals(path.name, lambda: table_of_rows(pq.read_table(path), path))
            yield from _check_about(path.name, about)
    except (OSError, ValueError, MemoryError, pa.ArrowException) as error:
        yield Finding(path.name, f"It cannot be read as Parquet: {error}.")
        return
    if schema.names != ["formula"]:
        yield from _check_emb(path.name, about.get(EMB))


def _check_columns(name: str, schema: pa.Schema) -> Iterator[Finding]:
    """Yield columns that are missing, of another type, or may lack values."""
    import pyarrow as pa

    expected = {**_COLUMNS, "vector": "fixed_size_list<float32>"}
    for column, wanted in expected.items():
        if column not in schema.names:
            yield Finding(name, f"It has no column {column} ({wanted}).", is_error=column != COUNTS)
            continue
        found = schema.field(column).type
        fits = str(found) == wanted
        if column == "vector":
            fits = pa.types.is_fixed_size_list(found) and found.value_type == pa.float32()
        if not fits:
            yield Finding(name, f"Its column {column} is {found}, not {wanted}.")
    others = [column for column in schema.names if column not in expected]
    if others:
        yield advice(name, f"It has further columns, which no reader expects: {', '.join(others[:5])}.")


def _check_formulas(path: Path) -> Iterator[Finding]:
    """Yield what is wrong with the formulas that an encoder was trained on."""
    try:
        formulas = formulas_of_parquet(_content(path), path)[0]
        canonical = reduced_formulas(formulas)
    except EmbeddingsError as error:
        yield Finding(path.name, str(error))
        return
    other = next((given for given, reduced in zip(formulas, canonical, strict=True) if given != reduced), None)
    if other is not None:
        yield Finding(path.name, f"{other!r:.60} is not a canonical reduced formula.")
    if formulas != sorted(set(formulas)):
        yield Finding(path.name, "Its formulas are not sorted, or repeat.")


def _check_about(name: str, about: dict[str, Any]) -> Iterator[Finding]:
    missing = [key for key in _ABOUT if not about.get(key)]
    if missing:
        yield advice(name, f"It does not say its {', '.join(missing)}, so a stray copy cannot be told.")


def _check_emb(name: str, text: bytes | None) -> Iterator[Finding]:
    if text is None:
        yield advice(name, f"It has no entry {EMB} in its metadata, so tools of others see no embeddings in it.")
        return
    try:
        stated = json.loads(text)
        missing = [field for field in FIELDS if field not in stated]
    except (ValueError, TypeError, RecursionError) as error:
        yield Finding(name, f"Its entry {EMB} is not JSON ({error}).")
        return
    if missing:
        yield Finding(name, f"Its entry {EMB} lacks {', '.join(missing)}.")


def _content(path: Path) -> bytes:
    from embeddings.errors import CatalogCorrupt

    try:
        return read_bounded(path)
    except OSError as error:
        raise CatalogCorrupt(f"{path} cannot be read: {why(error)}.") from error


READERS: dict[str, Callable[[Path], Iterator[Finding]]] = {
    ".parquet": _check_parquet,
    ".npy": _check_npy,
    ".h5": _check_hdf5,
}
"""Ending -> check."""
