"""All files of a version in one, so that one request fetches them: a ZIP without compression, the same bytes each time.

Unpacked in a folder of catalogs, it is a version there: its entries are ``<name>/<version>/<file>``.
"""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from embeddings.errors import RegistryInvalid
from embeddings.store.archives import ZIP_FAULTS
from embeddings.store.manifest import MANIFEST, Manifest
from embeddings.store.reading import CHUNK
from embeddings.store.scratch import has_no_room

_ADVICE = "Nothing of it was used; tell its publisher."
_NEVER = (1980, 1, 1, 0, 0, 0)
_OVERHEAD = 1 << 20
"""More bytes than the entries of an archive take beside their content."""


def archive_path(name: str, version: str) -> str:
    """Return where in a registry the archive of a version is."""
    return f"{name}/{name}-{version}.zip"


def file_names(manifest: Manifest) -> list[str]:
    """Return the names of all files of a version, the manifest first."""
    return [MANIFEST, *(entry.path for entry in manifest.files)]


def pack(folder: Path, manifest: Manifest, target: Path) -> None:
    """Write the archive of a version's folder."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name in file_names(manifest):
            entry = zipfile.ZipInfo(f"{manifest.name}/{manifest.version}/{name}", _NEVER)
            entry.external_attr, entry.create_system = 0o644 << 16, 3
            with open(folder / name, "rb") as source, archive.open(entry, "w", force_zip64=False) as sink:
                shutil.copyfileobj(source, sink, CHUNK)


def unpack(path: Path, name: str, version: str, folder: Path, *, where: str) -> None:
    """Write the files of an archive into a folder; whether they are what their manifest says is checked elsewhere.

    Args:
        path: of the archive.
        name: of the catalog that it should hold.
        version: of the catalog.
        folder: an empty one.
        where: the archive comes from, for the message: `path` is that of a copy.

    Raises:
        RegistryInvalid: it is no such archive: it is damaged, or an entry lies elsewhere, is compressed, or is there
            twice.
        OSError: the folder has no room.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            _check(entries, f"{name}/{version}/", path.stat().st_size, where)
            for entry in entries:
                with archive.open(entry) as source, open(folder / entry.filename.rpartition("/")[2], "xb") as sink:
                    shutil.copyfileobj(source, sink, CHUNK)
    except RegistryInvalid:
        raise
    except ZIP_FAULTS as error:
        if isinstance(error, OSError) and has_no_room(error):
            raise
        reason = str(error).rstrip(".") or type(error).__name__
        raise RegistryInvalid(f"The archive {where} cannot be read: {reason}. {_ADVICE}") from error


def _check(entries: Sequence[zipfile.ZipInfo], prefix: str, n_bytes: int, where: str) -> None:
    from embeddings.registry.names import is_file_name

    names = [entry.filename for entry in entries]
    wrong = [n for n in names if not n.startswith(prefix) or not is_file_name(n.removeprefix(prefix))]
    if wrong or len({*_folded(names)}) < len(names) or len(names) > 1000:
        what = f'the entry "{wrong[0][:200]}"' if wrong else "entries that it repeats, or too many"
        raise RegistryInvalid(f"The archive {where} has {what}, besides or instead of the files of {prefix}. {_ADVICE}")
    if any(entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 1 for entry in entries):
        raise RegistryInvalid(f"The archive {where} is compressed or encrypted. {_ADVICE}")
    if sum(entry.file_size for entry in entries) > n_bytes + _OVERHEAD:
        raise RegistryInvalid(f"The archive {where} would grow on unpacking. {_ADVICE}")


def _folded(names: Iterable[str]) -> Iterable[str]:
    return (name.casefold() for name in names)
