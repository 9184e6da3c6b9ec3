"""No command writes over its inputs: all outputs are checked against all inputs, before any work.

Files are compared by identity, not by spelling: links, relative paths, and the other case of a letter on a file system
that ignores case all lead to the same file.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from embeddings.errors import OutputInvalid
from embeddings.store.urls import url_in

StrPath = str | os.PathLike[str]


@dataclass(frozen=True)
class Output:
    """A place that a command writes to.

    Attributes:
        path: where.
        what: it is, for the message.
        kind: ``"file"`` is written or replaced; ``"folder"`` is filled or replaced; ``"scratch"`` is a lock or a
            folder of unfinished work from which things may be removed.
    """

    path: Path
    what: str = "the output"
    kind: Literal["file", "folder", "scratch"] = "file"


def check_outputs(outputs: Iterable[Output], *, inputs: Iterable[StrPath | None], sealed: Iterable[Path] = ()) -> None:
    """Refuse outputs that cannot be written, or that would touch an input.

    Args:
        outputs: all of them, including files that are written beside the requested one.
        inputs: files and folders that are read; None and missing ones are ignored.
        sealed: folders that are read and have hashes, so that nothing may be added to them.

    Raises:
        OutputInvalid: an output is an input, holds one, or lies in a sealed folder; or it cannot be written.
    """
    sealed = [Path(folder) for folder in sealed if os.path.exists(folder)]
    given = [*(Path(path) for path in inputs if path is not None and os.path.exists(path)), *sealed]
    checks = {"file": check_file, "folder": check_folder, "scratch": check_name}
    for output in outputs:
        checks[output.kind](output.path)
        for path in given:
            _check_pair(output, path)
        for folder in sealed:
            if any(_same(parent, folder) for parent in _place(output.path).parents):
                raise OutputInvalid(
                    f"{_named(output)} would be written into the input {folder}, which stays as it is. "
                    "Choose another place for the output."
                )


def check_lasting(url: str) -> None:
    """Refuse an address whose files are gone when the process that wrote them ends.

    Raises:
        OutputInvalid: it is one within the memory of this process.
    """
    if any(link.lower().startswith("memory:") for link in url.split("::")):
        raise OutputInvalid(
            f"{url} cannot be written: files at memory:// are gone when this command ends. Name a file or folder, "
            "or an address that lasts, such as s3://bucket/folder/."
        )


def check_name(path: Path) -> None:
    """Refuse a path that is an address, or whose bytes are not text: libraries cannot write it, nor a manifest name it.

    Raises:
        OutputInvalid: it cannot be written.
    """
    if url := url_in(path):
        raise OutputInvalid(
            f"{url} cannot be written: it is an address, and this command writes to files and folders of this machine "
            "alone."
        )
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise OutputInvalid(f"{path} cannot be written: its name is not UTF-8.") from None


def check_file(path: Path) -> None:
    """Refuse a file that could never be written; an existing one may be replaced if it is an ordinary file.

    Raises:
        OutputInvalid: it is an address, a folder or a device, or its folder is missing or read-only.
    """
    check_name(path)
    if os.path.isdir(path) or not path.name:
        raise OutputInvalid(f"{path} cannot be written: it is a folder.")
    if not os.path.isdir(path.parent):
        raise OutputInvalid(f"{path} cannot be written: there is no folder {path.parent}. Create it first.")
    if os.path.exists(path) and not os.path.isfile(path):
        raise OutputInvalid(
            f"{path} cannot be written: it is not an ordinary file, and writing would replace it with one."
        )
    if not _may_write(path.parent):
        raise OutputInvalid(f"{path} cannot be written: you have no permission to write to the folder {path.parent}.")


def make_folder(path: Path, *, advice: str) -> None:
    """Make a folder that files go to, or refuse one in which none could be made.

    Args:
        path: of the folder.
        advice: what to do otherwise, for the message.

    Raises:
        OutputInvalid: it cannot be made, or is read-only.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputInvalid(f"Cannot make the folder {path}: {error.strerror}. {advice}") from error
    if not _may_write(path):
        raise OutputInvalid(f"Cannot write to {path}: it is read-only for you. {advice}")


def _may_write(folder: Path) -> bool:
    return os.access(folder, os.W_OK | os.X_OK)


def check_folder(path: Path) -> None:
    """Refuse a folder that could never be made.

    Raises:
        OutputInvalid: it is an address, something that is no folder stands in its way, it is the root of the file
            system, or where it would be made is read-only.
    """
    check_name(path)
    nearest = next((place for place in (path, *path.parents) if os.path.lexists(place)), path)
    if os.path.lexists(nearest) and not os.path.isdir(nearest):
        raise OutputInvalid(f"{path} cannot be written: {nearest} is not a folder.")
    if not _place(path).name:
        raise OutputInvalid(f"{path} cannot be written: it is the root of the file system.")
    if not _may_write(nearest) and not (nearest == path and _may_write(_place(path).parent)):
        raise OutputInvalid(f"{path} cannot be written: the folder {nearest} is read-only for you.")


def check_replaceable(folder: Path) -> None:
    """Refuse a folder that would be replaced as a whole while this process, and so its user, works in it.

    Raises:
        OutputInvalid: it is the working directory, or holds it.
    """
    try:
        here = Path.cwd()
    except OSError:  # it was removed
        return
    if Path(os.path.realpath(folder)) in (here, *here.parents):
        raise OutputInvalid(
            f"{folder} cannot be replaced: it is the current folder. Name a new folder, or change to another one first."
        )


def with_a_name(path: Path) -> Path:
    """Return a path that ends in a name, so that something can lie beside it: ``.`` and ``..`` are spelled out."""
    return path if path.name not in ("", "..") else Path(os.path.realpath(path))


def _check_pair(output: Output, path: Path) -> None:
    """Refuse an output that is this input, or a folder that holds it."""
    if _same(output.path, path):
        raise OutputInvalid(
            f"{_named(output)} would replace the input {path}: the two are the same. Choose another output."
        )
    if output.kind == "file":
        return
    holders = [*_place(path).parents, *Path(os.path.realpath(path)).parents]
    if any(_same(holder, output.path) for holder in holders):
        raise OutputInvalid(
            f"{_named(output)} holds the input {path}, which could be lost. Choose another output, or move the input."
        )


def _named(output: Output) -> str:
    return f"{output.what[0].upper()}{output.what[1:]} {output.path}"


def _place(path: Path) -> Path:
    """Return a path with the links in its folder resolved, but not a link at the name itself."""
    path = with_a_name(path)
    return Path(os.path.realpath(path.parent)) / path.name


def _same(one: Path, other: Path) -> bool:
    """Whether two paths lead to the same file; if one leads nowhere, whether they are spelled alike."""
    try:
        return os.path.samefile(one, other)
    except OSError:
        return _spelling(one) == _spelling(other)


def _spelling(path: Path) -> str:
    return unicodedata.normalize("NFC", os.path.normcase(os.path.realpath(path)))
