"""Where vectors go: a file, a folder of files, or either behind a URL; what is there, and how it is replaced."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from builders.embed.writing import ROWS_PER_FILE, Layout, write_file, write_folder
from builders.progress import Reporter
from embeddings.errors import CatalogCorrupt, CatalogNotFound, EmbeddingsError, InputInvalid, OutputInvalid
from embeddings.store.folders import atomic_file, replace_folder, staged_folder
from embeddings.store.outputs import check_file, check_folder, check_replaceable
from embeddings.store.places import Place, open_place
from embeddings.store.temporaries import is_temporary, sweep
from embeddings.vectors.file import open_one, open_vectors, read_pages
from embeddings.vectors.footer import Footer
from embeddings.vectors.names import ENDING, file_name
from embeddings.vectors.numbers import Dtype

RESUMES = "The same command goes on from here."
OTHER = "Choose another name, or replace it with --force."


@dataclass(frozen=True)
class Target:
    """A place for vectors.

    Attributes:
        out: a path, or a URL.
        layout: of the vectors; with the rows of a file where they become a folder.
    """

    out: Path | str
    layout: Layout

    @property
    def is_folder(self) -> bool:
        """Whether the vectors become files of a folder."""
        return self.layout.rows_per_file is not None

    def check(self) -> None:
        """Refuse a place that could never be written, before any work is done.

        Raises:
            EmbeddingsError: `OutputInvalid`, or the error of a URL that is none.
        """
        if isinstance(self.out, str):
            open_place(self.out)
        elif self.is_folder:
            check_folder(self.out)
            check_replaceable(self.out)
            strange = [path.name for path in _there(self.out) if not _is_ours(path.name)]
            if strange:
                raise OutputInvalid(
                    f"{self.out} exists and holds something other than vectors, such as {min(strange)}. Choose another "
                    "name."
                )
        else:
            check_file(self.out)

    def existing(self, identity: str, reporter: Reporter) -> Footer | None:
        """Return the footer of what is there if it has this identity and is intact; None where it has to be written.

        Raises:
            OutputInvalid: something else is there.
        """
        if isinstance(self.out, str):
            return _existing_behind(self.out, self.layout.identity(identity))
        if not (_there(self.out) if self.is_folder else self.out.exists()):
            return None
        try:
            footer = open_vectors(self.out)[1]
        except EmbeddingsError as error:
            raise OutputInvalid(f"{self.out} exists, and is damaged or holds something else. {OTHER}") from error
        _check_identity(self.out, footer, self.layout.identity(identity))
        try:
            read_pages(self.out)
        except CatalogCorrupt as error:
            reporter.say(f"Making these vectors again: {error}")
            return None
        sweep(self.out.parent)
        return footer

    def write(self, parts: list[Path], footer: Footer, scratch: Path, reporter: Reporter) -> None:
        """Write all parts; here, what is written appears whole, and behind a URL file by file.

        Args:
            parts: Parquet files, in the order of the structures.
            footer: of each file.
            scratch: a folder for copies, which is removed.
            reporter: tells a person how far it is.

        Raises:
            OutputInvalid: it cannot be written; the same command goes on.
        """
        shutil.rmtree(scratch, ignore_errors=True)
        if isinstance(self.out, str):
            self._write_behind(self.out, parts, footer, scratch, reporter)
        elif self.is_folder:
            with staged_folder(self.out) as staged:
                write_folder(staged, parts, footer, self.layout, scratch)
                replace_folder(staged, self.out)
        else:
            with atomic_file(self.out, advice=RESUMES) as temporary:
                write_file(temporary, parts, footer, self.layout)
        shutil.rmtree(scratch, ignore_errors=True)

    def _write_behind(self, url: str, parts: list[Path], footer: Footer, scratch: Path, reporter: Reporter) -> None:
        """Write files here first, and then copy those that are not there yet; what does not belong there goes."""
        place, made = open_place(url), scratch / "files"
        try:
            made.mkdir(parents=True)
            if self.is_folder:
                write_folder(made, parts, footer, self.layout, scratch / "ranges")
            else:
                write_file(made / file_name(0), parts, footer, self.layout)
        except OSError as error:
            if isinstance(error, EmbeddingsError):
                raise
            raise OutputInvalid(f"{made} cannot be written: {error.strerror or error}. {RESUMES}") from error
        files = {path.name if self.is_folder else "": path for path in sorted(made.iterdir())}
        there = {found.name: found.size for found in place.files(ENDING, OutputInvalid)}
        done = {name for name in files if there.get(name) == files[name].stat().st_size and _has(place, name, footer)}
        for name in there.keys() - files.keys():
            place.remove(name, OutputInvalid)
        with reporter.stage(f"Copying to {url}", len(files), done=len(done)) as stage:
            for name in sorted(files.keys() - done):
                place.put(name, files[name], OutputInvalid)
                stage.advance()


def target_of(out: Path | str, *, is_folder: bool, rows_per_file: int | None, dtype: Dtype) -> Target:
    """Return where vectors go.

    Args:
        out: a path or a URL.
        is_folder: whether it is said to be a folder, by a slash at its end.
        rows_per_file: of a folder; None for `ROWS_PER_FILE`.
        dtype: of the numbers.

    Raises:
        OutputInvalid: the name is neither that of a Parquet file nor of a folder.
        InputInvalid: rows are given for a single file.
    """
    name = out.rstrip("/").rpartition("/")[2] if isinstance(out, str) else out.name
    if name.endswith(ENDING) and not is_folder:
        if rows_per_file is not None:
            raise InputInvalid(
                f"--rows-per-file goes with a folder of files, such as -o vectors/, but {out} is one file."
            )
        return Target(out, Layout(dtype))
    if "." in name.strip(".") and not is_folder and not (isinstance(out, Path) and out.is_dir()):
        ending = "." + name.rpartition(".")[2]
        raise OutputInvalid(f'{out} ends in "{ending}"; vectors are written to a {ENDING} file, or to a folder.')
    return Target(out, Layout(dtype, rows_per_file or ROWS_PER_FILE))


def _there(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if not is_temporary(path.name)] if folder.is_dir() else []
    except OSError as error:
        raise OutputInvalid(f"{folder} cannot be read: {error.strerror}.") from error


def _is_ours(name: str) -> bool:
    stem = name.removesuffix(ENDING).removeprefix("part-")
    return name == f"part-{stem}{ENDING}" and stem.isdecimal()


def _check_identity(out: Path | str, footer: Footer, identity: str) -> None:
    if footer.identity != identity:
        raise OutputInvalid(
            f"{out} exists and holds other vectors ({footer.level} vectors by {footer.encoder} of {footer.source}), or "
            f"the same in another layout. {OTHER}"
        )


def _existing_behind(url: str, identity: str) -> Footer | None:
    """Return the footer of vectors behind a URL if all of them are there; None where some or all are missing."""
    try:
        footer = open_vectors(url)[1]
    except CatalogNotFound:
        return None
    except EmbeddingsError:
        for found in open_place(url).files(ENDING, OutputInvalid):
            _check_identity(url, _footer_behind(url, found.name), identity)
        return None
    _check_identity(url, footer, identity)
    return footer


def _footer_behind(url: str, name: str) -> Footer:
    place = open_place(url)
    try:
        return open_one(f"{url}/{name}", lambda: place.open_file(name))[1]
    except EmbeddingsError as error:
        raise OutputInvalid(f"{url} holds something else, such as {name}. {OTHER}") from error


def _has(place: Place, name: str, footer: Footer) -> bool:
    try:
        return open_one(f"{place.url}/{name}", lambda: place.open_file(name))[1].identity == footer.identity
    except EmbeddingsError:
        return False
