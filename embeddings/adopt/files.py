"""From a file of any known format to its table: what a file is, its first bytes tell, not the ending of its name."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from embeddings.adopt.arrays import read_hdf5, read_npy, read_npz, read_parquet, read_safetensors
from embeddings.adopt.checkpoints import read_checkpoint
from embeddings.adopt.raw import RawTable
from embeddings.adopt.texts import is_word2vec, read_delimited, read_json, read_word2vec
from embeddings.errors import InputInvalid
from embeddings.store.reading import open_regular, why

FORMATS = ("csv", "json", "npy", "npz", "parquet", "hdf5", "word2vec", "safetensors", "torch")
"""Names of the formats that are read."""

_TAKES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("npz", "hdf5", "safetensors", "torch"), ("array", "first-row")),
    **dict.fromkeys(("csv", "parquet"), ("drop-column",)),
    "json": ("first-row", "drop-column"),
    "npy": ("first-row",),
    "word2vec": (),
}
"""Format -> options that say something about it."""

_ENDINGS = {
    "torch": (".pt", ".pth", ".pth.tar", ".ckpt", ".bin"),
    "safetensors": (".safetensors",),
    "json": (".json",),
}
_PICKLED = (".pkl", ".pickle", ".p", ".joblib", ".model", ".kv", ".wordvectors", ".dill")
_ADVICE = "a pickle can run any code, so it is never opened. Save the table as CSV, NPY or JSON where it was made"


def read_table(
    path: Path,
    *,
    format: str | None = None,
    array: str | None = None,
    first_row: int | None = None,
    drop: Collection[str] = (),
) -> RawTable:
    """Read the table of elements in a file.

    Args:
        path: CSV or its kin, JSON, NPY, NPZ, Parquet, HDF5, the text format of word2vec, safetensors or torch.
        format: one of `FORMATS`; told from the content if None.
        array: which array is the table, where a file holds several.
        first_row: atomic number of the first row, where there are no symbols; 0 for a row of padding.
        drop: names of columns to leave out.

    Raises:
        InputInvalid: no such file, a pickle, an option that says nothing about its format, or nothing that can be read
            as a table of elements.
        MissingExtra: what the format needs is not installed.
    """
    kind = format or find_format(path)
    _check_options(path, kind, {"array": array, "first-row": first_row, "drop-column": tuple(drop) or None})
    match kind:
        case "csv":
            return read_delimited(path, drop=drop)
        case "json":
            return read_json(path, first_row=first_row, drop=drop)
        case "word2vec":
            return read_word2vec(path)
        case "parquet":
            return read_parquet(path, drop=drop)
        case "npy":
            return read_npy(path, first_row=first_row)
    by_array = {"npz": read_npz, "hdf5": read_hdf5, "safetensors": read_safetensors, "torch": read_checkpoint}
    return by_array[kind](path, array=array, first_row=first_row)


def _check_options(path: Path, kind: str, options: Mapping[str, object]) -> None:
    """Refuse an option that would be passed over."""
    passed_over = [name for name, given in options.items() if given is not None and name not in _TAKES[kind]]
    if passed_over:
        raise InputInvalid(f"{path} is read as {kind}, which takes no --{passed_over[0]}. Leave it out.")


def find_format(path: Path) -> str:
    """Return which of `FORMATS` a file is.

    Raises:
        InputInvalid: there is no such file, it is empty, or it is a pickle.
    """
    try:
        with open_regular(path) as file:
            start = file.read(4096)
    except OSError as error:
        raise InputInvalid(f"{path} cannot be read: {why(error)}.") from error
    if not start.strip():
        raise InputInvalid(f"{path} is empty.")
    name = path.name.lower()
    for magic, kind in ((b"\x93NUMPY", "npy"), (b"PAR1", "parquet"), (b"\x89HDF\r\n", "hdf5")):
        if start.startswith(magic):
            return kind
    if start.startswith(b"PK\x03\x04"):
        return _zip_format(path, start)
    is_pickle = start[:1] == b"\x80" and start[1:2] in b"\x00\x01\x02\x03\x04\x05"
    if name.endswith(_ENDINGS["torch"]):
        return "torch"  # an old one begins as a pickle does; read with weights_only
    if is_pickle or name.endswith(_PICKLED):
        raise InputInvalid(f"{path} is a pickle, and {_ADVICE}.")
    return _text_format(name, start)


def _zip_format(path: Path, start: bytes) -> str:
    if b"data.pkl" in start or b".data/" in start or path.name.lower().endswith(_ENDINGS["torch"]):
        return "torch"
    first = start[30 : 30 + int.from_bytes(start[26:28], "little")]
    return "npz" if first.endswith(b".npy") else "csv"  # .xlsx, which the reader of sheets knows


def _text_format(name: str, start: bytes) -> str:
    if name.endswith(_ENDINGS["safetensors"]) or start[8:10] == b'{"':
        return "safetensors"
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    if (
        name.endswith(_ENDINGS["json"])
        or text[:1] == b"["
        or (text[:1] == b"{" and not name.endswith((".jsonl", ".ndjson")))
    ):
        return "json"
    return "word2vec" if is_word2vec(start) else "csv"
