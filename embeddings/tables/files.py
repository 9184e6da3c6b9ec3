"""Any table file as a sheet: CSV, TSV and JSON Lines, plain or as .gz, Excel, Parquet, or standard input.

What a file is, its first bytes tell; the ending of its name counts only for what begins like text.
"""

from __future__ import annotations

import gzip
import os
import stat
import sys
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import IO, Any, Literal, cast

from embeddings.errors import InputInvalid, MissingExtra
from embeddings.store.scratch import scratch_folder
from embeddings.store.urls import url_in
from embeddings.tables.delimited import TextLines, delimited_sheet
from embeddings.tables.objects import object_of
from embeddings.tables.sheet import HEAD_ROWS, Row, SetAside, Sheet, n_head_rows, sheet_of

STDIN = "-"

Kind = Literal["delimited", "json", "parquet", "workbook"]
"""What is in a file."""

UNTYPED: tuple[Kind, ...] = ("delimited", "workbook")
"""Kinds whose columns have no types."""

MAX_STDIN = 1 << 33
"""Bytes of standard input that are kept, 8 GiB."""

MAX_WORKBOOK = 1 << 31
"""Bytes that a workbook may unpack to, 2 GiB."""

_ROWS_AT_ONCE = 1 << 14

_REFUSED = {
    b"\xd0\xcf\x11\xe0": "is an old Excel file; save it as .xlsx or CSV",
    b"BZh": "is compressed with bzip2; unpack it, or use .gz",
    b"\xfd7zXZ": "is compressed with xz; unpack it, or use .gz",
    b"\x28\xb5\x2f\xfd": "is compressed with Zstandard; unpack it, or use .gz",
    b"%PDF": "is a PDF file; a table is needed",
    b"ARROW1": "is an Arrow file; save it as Parquet or CSV",
    b"\x89HDF": "is an HDF5 file; save the table as Parquet or CSV",
}
"""First bytes of files that are not read, and what to do."""


@dataclass(frozen=True)
class TableFile:
    """A table in a file, which may be read several times.

    Attributes:
        source: the file, as it is spoken of.
        path: where it is.
        is_packed: whether it is a .gz.
        kind: what is in it.
    """

    source: str
    path: Path
    is_packed: bool
    kind: Kind

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """Give what is in it, unpacked, from the beginning."""
        with _opened(self.path, self.is_packed) as file:
            yield file

    @contextmanager
    def open_sheet(self) -> Iterator[Sheet]:
        """Give it as a sheet; its rows can be read inside the ``with`` block.

        Raises:
            InputInvalid: it is no table that is read.
            MissingExtra: it is .xlsx, and openpyxl is not installed.
        """
        with self.open() as file:
            yield sheet_in(self, file)

    def n_bytes(self) -> int:
        """Return how many bytes there are, unpacked, as far as the file says."""
        size = self.path.stat().st_size
        if not self.is_packed or size < 4:
            return size
        with self.path.open("rb") as file:
            file.seek(-4, os.SEEK_END)
            return int.from_bytes(file.read(4), "little")


@contextmanager
def open_table(path: str | Path) -> Iterator[TableFile]:
    """Find out what is in a file; standard input is kept until the ``with`` block ends.

    Args:
        path: a file, or ``"-"`` for standard input.

    Raises:
        InputInvalid: there is no such file, or it is no table that is read.
    """
    is_input = str(path) == STDIN
    source = "standard input" if is_input else str(path)
    with ExitStack() as stack:
        place = stack.enter_context(_kept_input()) if is_input else _checked(Path(path))
        with _opened(place) as file:
            is_packed = file.read(2) == b"\x1f\x8b"
        with _opened(place, is_packed) as file:
            start = _start(file, source)
        ending = Path(source).name.lower().removesuffix(".gz").rpartition(".")[2]
        yield TableFile(source, place, is_packed, _kind(start, ending, source))


@contextmanager
def open_sheet(path: str | Path) -> Iterator[Sheet]:
    """Open a table; its rows can be read inside the ``with`` block.

    Args:
        path: a file, or ``"-"`` for standard input.

    Raises:
        InputInvalid: there is no such file, or it is no table that is read.
        MissingExtra: the file is .xlsx, and openpyxl is not installed.
    """
    with open_table(path) as table, table.open_sheet() as sheet:
        yield sheet


def sheet_in(table: TableFile, file: IO[bytes]) -> Sheet:
    """Return an opened table as a sheet, whose rows are read from the file as they are asked for."""
    kinds = {"delimited": delimited_sheet, "json": _json_sheet, "parquet": _parquet_sheet, "workbook": _workbook_sheet}
    return kinds[table.kind](file, table.source)


def _checked(path: Path) -> Path:
    """Return the path of an ordinary file that can be opened."""
    if url := url_in(path):
        raise InputInvalid(
            f"{url} is an address, but tables are read from files on this machine. Download it, or pipe it in and give "
            "- for standard input."
        )
    try:
        mode = path.stat().st_mode
        if stat.S_ISREG(mode):
            path.open("rb").close()
            return path
    except FileNotFoundError:
        raise InputInvalid(f"There is no file {path}.") from None
    except (OSError, ValueError) as error:
        raise InputInvalid(f"{path} cannot be read: {error}.") from error
    if stat.S_ISDIR(mode):
        some = next((f", such as {one}" for one in sorted(path.glob("[!.]*.*")) if one.is_file()), "")
        raise InputInvalid(
            f"{path} is not an ordinary file but a folder. Name one of the tables in it{some}, and run the command "
            "once for each."
        )
    raise InputInvalid(f"{path} is not an ordinary file; a table in a file is needed, or - for standard input.")


@contextmanager
def _opened(path: Path, is_packed: bool = False) -> Iterator[IO[bytes]]:
    with path.open("rb") as file:
        if not is_packed:
            yield file
            return
        with gzip.GzipFile(fileobj=file, mode="rb") as unpacked:
            yield cast("IO[bytes]", unpacked)


@contextmanager
def _kept_input() -> Iterator[Path]:
    """Keep standard input in a temporary file, which can be read again.

    Raises:
        InputInvalid: it has no end.
        OutputInvalid: the folder for temporary files has no room.
    """
    with scratch_folder() as folder:
        path = folder / "table"
        with path.open("wb") as file:
            while block := sys.stdin.buffer.read(1 << 20):
                file.write(block)
                if file.tell() > MAX_STDIN:
                    raise InputInvalid(
                        f"Standard input has more than {MAX_STDIN >> 30} GiB; read the table from a file."
                    )
        yield path


def _start(file: IO[bytes], source: str) -> bytes:
    """Return the first bytes of a file that may be packed.

    Raises:
        InputInvalid: there are none, or they cannot be unpacked.
    """
    try:
        start = file.read(4096)
    except (OSError, EOFError, zlib.error) as error:
        raise InputInvalid(f"{source} cannot be unpacked: {error}. Copy it again.") from error
    if not start.strip():
        raise InputInvalid(f"{source} is empty; a table with the names of its columns in the first line is needed.")
    return start


def _kind(start: bytes, ending: str, source: str) -> Kind:
    """Return what a file is that begins in this way.

    Raises:
        InputInvalid: it is nothing that is read.
    """
    for first, reason in _REFUSED.items():
        if start.startswith(first):
            raise InputInvalid(f"{source} {reason}.")
    if start.startswith(b"PAR1"):
        return "parquet"
    if start.startswith(b"PK\x03\x04"):
        return "workbook"
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    if ending in ("jsonl", "ndjson") or text[:1] == b"{":
        return "json"
    if text[:1] == b"[" and ending == "json":
        raise InputInvalid(f"{source} holds one JSON list; write one object on each line (JSON Lines).")
    if ending in ("xlsx", "xlsm", "parquet"):
        raise InputInvalid(f"{source} is not a complete .{ending} file.")
    return "delimited"


def _json_sheet(file: IO[bytes], source: str) -> Sheet:
    """Return a table of JSON Lines; its columns are the keys of the first rows."""
    notes: list[str] = []
    set_aside: list[SetAside] = []
    lines = TextLines(file, source, notes)

    def objects() -> Iterator[tuple[int, dict[str, Any]]]:
        for text in lines:
            row = object_of(text)
            if isinstance(row, dict) and row:
                yield lines.n_lines, row
            elif text.strip():
                set_aside.append(SetAside(lines.n_lines, str(row).rstrip(".").replace("The line", "the line", 1)))

    found = objects()
    first = list(islice(found, HEAD_ROWS))
    names = list(dict.fromkeys(name for _, row in first for name in row))
    rows = ((line, [row.get(name) for name in names]) for line, row in chain(first, found))
    return sheet_of(source, rows, set_aside, notes, names=names)


def _parquet_sheet(file: IO[bytes], source: str) -> Sheet:
    """Return a Parquet file, of which only the columns that are asked for are read; lines are rows from 1."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    def broken(error: Exception) -> InputInvalid:
        return InputInvalid(f"{source} is not a complete Parquet file: {error}.")

    def rows(places: Sequence[int], n_rows: int) -> Iterator[Row]:
        line = 0
        try:
            for batch in table.iter_batches(n_rows, columns=[names[place] for place in places]):
                columns = [batch.column(batch.schema.names.index(names[place])).to_pylist() for place in places]
                yield from ((line + k, cells) for k, cells in enumerate(zip(*columns, strict=True), start=1))
                line += len(batch)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise broken(error) from error

    try:
        table = pq.ParquetFile(file)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise broken(error) from error
    names = list(table.schema_arrow.names)
    n_head = n_head_rows(len(names))
    head = list(islice(rows(range(len(names)), n_head), n_head))
    return Sheet(source, names, head, lambda places: rows(places, _ROWS_AT_ONCE))


def _workbook_sheet(file: IO[bytes], source: str) -> Sheet:
    """Return the first sheet of a workbook that holds anything."""
    try:
        from openpyxl import load_workbook
    except ImportError as error:
        raise MissingExtra.of("openpyxl", "bench") from error
    notes: list[str] = []
    try:
        _check_size(file, source)
        book = load_workbook(file, read_only=True, data_only=True)
        sheets = [sheet for sheet in book.worksheets if next(iter(sheet.values), None)]
    except InputInvalid:
        raise
    except Exception as error:  # a damaged workbook raises anything
        raise InputInvalid(
            f"{source} is not a complete .xlsx file: {error}. Copy it again, or save the sheet as CSV."
        ) from error
    if not sheets:
        raise InputInvalid(f"{source} has no sheet with anything in it.")
    if len(book.sheetnames) > 1:
        notes.append(f'"{sheets[0].title}", the first of {len(book.sheetnames)} sheets, is read.')
    return sheet_of(source, _workbook_rows(sheets[0], source), [], notes, may_be_short=True)


def _check_size(file: IO[bytes], source: str) -> None:
    """Refuse a workbook that unpacks to more than any table."""
    size = sum(part.file_size for part in zipfile.ZipFile(file).infolist())
    file.seek(0)
    if size > MAX_WORKBOOK:
        raise InputInvalid(
            f"{source} unpacks to {size >> 20:,} MiB, which is more than a workbook has. Save the sheet as CSV."
        )


def _workbook_rows(sheet: Any, source: str) -> Iterator[Row]:
    sheet.reset_dimensions()
    try:
        yield from enumerate(sheet.iter_rows(values_only=True), start=1)
    except Exception as error:
        raise InputInvalid(f"{source} cannot be read to its end: {error}. Save the sheet as CSV.") from error
