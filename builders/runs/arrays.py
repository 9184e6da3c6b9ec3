"""Arrays larger than memory: made once in NumPy files, mapped, and found again by the identity of what they hold.

A folder of arrays appears whole or not at all. Its index, written last, holds the SHA-256 of every file; a folder of
another identity, or with a file that is cut or altered, is made again.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from builders.runs.seals import sealed, unsealed
from embeddings.store.folders import replace_folder, staged_folder
from embeddings.store.reading import hash_of

INDEX = "arrays.json"

_ROOM = "Make room, and give the same command again."


class ArrayWriter:
    """Arrays that grow row by row, each in a NumPy file of its own.

    Attributes:
        about: JSON values that are kept with the arrays.
    """

    def __init__(self, folder: Path) -> None:
        self.about: dict[str, Any] = {}
        self._folder, self._stack = folder, ExitStack()
        self._files: dict[str, tuple[BinaryIO, np.dtype[Any], tuple[int, ...]]] = {}
        self._ends: dict[str, int] = {}

    def __enter__(self) -> ArrayWriter:
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def append(self, name: str, rows: np.ndarray) -> None:
        """Add rows to an array; the first ones set its type and the shape of a row."""
        if name not in self._files:
            file: BinaryIO = self._stack.enter_context(self._path(name).open("w+b"))
            _write_header(file, rows.dtype, (0, *rows.shape[1:]))
            self._files[name] = file, rows.dtype, (0, *rows.shape[1:])
        file, dtype, (n, *row) = self._files[name]
        file.write(np.ascontiguousarray(rows, dtype=dtype).data if rows.size else b"")
        self._files[name] = file, dtype, (n + len(rows), *row)

    def append_lengths(self, name: str, lengths: np.ndarray) -> None:
        """Add pieces to an array of offsets, (n + 1,) int64, which begins with 0: where each of them ends.

        Args:
            name: of the array.
            lengths: (n,) of the pieces.
        """
        if name not in self._ends:
            self._ends[name] = 0
            self.append(name, np.zeros(1, dtype=np.int64))
        ends = self._ends[name] + np.cumsum(lengths, dtype=np.int64)
        self._ends[name] = int(ends[-1]) if len(ends) else self._ends[name]
        self.append(name, ends)

    def close(self) -> None:
        """Write how long the arrays have become."""
        for file, dtype, shape in self._files.values():
            file.seek(0)
            _write_header(file, dtype, shape)
        self._stack.close()

    def write_index(self, identity: str) -> None:
        """Seal the folder."""
        files = {path.name: hash_of(path) for path in map(self._path, sorted(self._files))}
        document = {"identity": identity, "about": self.about, "files": files}
        (self._folder / INDEX).write_text(sealed(document, indent=2), encoding="utf-8")

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.npy"


class MappedArrays(Mapping[str, np.ndarray]):
    """Arrays in files, by name, read-only: what is looked at comes into memory, and leaves it with `release`.

    Attributes:
        about: JSON values that were kept with them.
    """

    def __init__(self, folder: Path, about: Mapping[str, Any]) -> None:
        self.about = about
        self._maps: list[mmap.mmap] = []
        self._arrays = {path.stem: self._mapped(path) for path in sorted(folder.glob("*.npy"))}

    def __getitem__(self, name: str) -> np.ndarray:
        return self._arrays[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)

    def release(self) -> None:
        """Give back the memory of what was read; the arrays stay usable, and are read from the files again."""
        if hasattr(mmap, "MADV_DONTNEED"):
            for mapped in self._maps:
                mapped.madvise(mmap.MADV_DONTNEED)

    def _mapped(self, path: Path) -> np.ndarray:
        with path.open("rb") as file:
            np.lib.format.read_magic(file)
            shape, _, dtype = np.lib.format.read_array_header_1_0(file)
            start = file.tell()
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._maps.append(mapped)
        return np.frombuffer(mapped, dtype=dtype, count=int(np.prod(shape)), offset=start).reshape(shape)


def stored_arrays(folder: Path, identity: str, make: Callable[[ArrayWriter], None]) -> MappedArrays:
    """Return the arrays of a folder; make them if they are not there, of another identity, or not as they were written.

    Several processes may ask for the same arrays at once: each either finds them whole, or makes them itself.

    Args:
        folder: that holds them.
        identity: of everything that they depend on.
        make: writes them.

    Raises:
        OutputInvalid: they cannot be written.
    """
    found = _whole(folder, identity)
    if found is not None:
        return found
    with suppress(FileExistsError), staged_folder(folder, advice=_ROOM) as staged:
        with ArrayWriter(staged) as writer:
            make(writer)
            writer.close()
            writer.write_index(identity)
        replace_folder(staged, folder)
    return MappedArrays(folder, _read_index(folder)["about"])


def scratch_arrays(folder: Path, make: Callable[[ArrayWriter], None]) -> MappedArrays:
    """Return arrays in files beside a folder that nobody else sees, and that vanish with the last use of the arrays.

    Raises:
        OutputInvalid: they cannot be written.
    """
    with staged_folder(folder, advice=_ROOM) as staged, ArrayWriter(staged) as writer:
        make(writer)
        writer.close()
        return MappedArrays(staged, writer.about)


def _whole(folder: Path, identity: str) -> MappedArrays | None:
    """Return the arrays of a folder if they are those that were written for this identity."""
    try:
        index = _read_index(folder)
        if index["identity"] == identity and all(hash_of(folder / n) == sha for n, sha in index["files"].items()):
            return MappedArrays(folder, index["about"])
    except (OSError, ValueError, KeyError):
        pass
    return None


def _read_index(folder: Path) -> dict[str, Any]:
    return unsealed((folder / INDEX).read_text(encoding="utf-8"), indent=2)


def _write_header(file: BinaryIO, dtype: np.dtype[Any], shape: tuple[int, ...]) -> None:
    """Write the head of a NumPy file, whose length does not depend on the number of rows."""
    about = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, about)
