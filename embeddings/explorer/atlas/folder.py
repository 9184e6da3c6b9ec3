"""The folder of an atlas: a page, its scripts, and all that they load, written whole or not at all."""

from __future__ import annotations

import base64
import gzip
import html
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any, TextIO

from embeddings.display.pages import embedded_json, read_part
from embeddings.errors import InputInvalid, OutputInvalid
from embeddings.explorer.atlas.about import FORM, about, facts_of
from embeddings.explorer.atlas.charts import settings
from embeddings.explorer.atlas.columns import columns_of
from embeddings.explorer.atlas.dataset import dataset
from embeddings.explorer.atlas.nearest import nearest_rows
from embeddings.explorer.atlas.places import Method, neighbors_needed, places_of
from embeddings.explorer.atlas.viewer import PACKAGE as VIEWER
from embeddings.explorer.atlas.viewer import ViewerFile, check_viewer, read_viewer
from embeddings.search.tables import JoinedTable
from embeddings.store.exchange import restore
from embeddings.store.folders import move_into_place, replace_folder, staged_folder, sync_tree
from embeddings.store.outputs import check_replaceable

if TYPE_CHECKING:
    from embeddings.vectors.structures import StructureCatalog

PAGE, FACTS, PARTS, LICENSES = "index.html", "atlas.json", "parts", "LICENSES.txt"
N_NEIGHBORS = 10

_PACKAGE = "embeddings.explorer.atlas"
_PIECE = 6 << 20
_COMPRESSION = 6


@dataclass(frozen=True)
class Written:
    """What was written.

    Attributes:
        page: to open.
        n_structures: on the map.
        colors: columns that it can be colored by.
        n_bytes: of the folder.
        notes: what was left out or done in another way, and why.
    """

    page: Path
    n_structures: int
    colors: list[str]
    n_bytes: int
    notes: list[str] = field(default_factory=list)


def write_atlas(
    path: str | os.PathLike[str],
    vectors: str | os.PathLike[str] | StructureCatalog,
    *,
    table: Any = None,
    color: str | None = None,
    k: int = N_NEIGHBORS,
    method: Method = "umap",
    seed: int = 0,
    advance: Callable[[int], None] = lambda n: None,
    show: TextIO | None = None,
) -> Written:
    """Write a map of structures as a folder: ``index.html`` in it opens from disk, or from any server of files.

    The map can be colored by any column, and shows for each structure its columns, its nearest neighbors and a link to
    its entry. It fetches nothing from elsewhere. The same vectors, table and seed give the same bytes on one machine.

    Args:
        path: of the folder; an atlas that is there is replaced, and so is an empty folder.
        vectors: a file of vectors of structures, or a catalog of it.
        table: more columns by identifier: the path of a Parquet, CSV or TSV file, or a data frame.
        color: the column that the map is colored by at first.
        k: how many neighbors of each structure are kept, by cosine and exact; 0 for none.
        method: ``"umap"``, or ``"pca"`` for principal components.
        seed: of UMAP.
        advance: called with the number of structures whose neighbors were found since the last call.
        show: where a bar of progress of UMAP is drawn.

    Raises:
        OutputInvalid: something else is there, or it cannot be written.
        MissingExtra: the viewer, umap-learn or scikit-learn is not installed.
        CatalogNotFound: there is no such file.
        CatalogCorrupt: it is damaged.
        InputInvalid: not vectors of structures, none of them, or a table that does not fit.
        ColumnNotFound: there is no column of the name `color`.
    """
    folder = Path(path)
    check_atlas_folder(folder)
    version, viewer = check_viewer(), read_viewer()
    catalog = _catalog(vectors)
    columns = columns_of(catalog, None if table is None else JoinedTable.read(table))
    if color is not None:
        columns.check_color(color)
    k = min(k, len(catalog) - 1)
    needed = max(k, neighbors_needed(len(catalog), method))
    nearest = nearest_rows(catalog.vectors, needed, advance=advance) if needed else None
    places = places_of(catalog.vectors, nearest, method, seed=seed, show=show)
    facts = facts_of(catalog, columns, places, k=k, seed=seed, viewer=f"{VIEWER} {version}")
    told = settings(columns, places, about(facts), color=color, with_neighbors=k > 0)
    files = [
        ViewerFile("data/metadata.json", "application/json", json.dumps(told).encode()),
        ViewerFile("data/dataset.parquet", "application/octet-stream", dataset(columns.table, places, nearest, k)),
        *viewer,
    ]
    _write(folder, files, facts)
    n_bytes = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    notes = [note for note in (*columns.notes, places.note) if note]
    return Written(folder / PAGE, len(catalog), columns.colored, n_bytes, notes)


def check_atlas_folder(folder: Path) -> None:
    """Refuse a place where an atlas cannot go: only an empty folder or another atlas makes way.

    Raises:
        OutputInvalid: something is in the way.
    """
    if folder.suffix.lower() in (".html", ".htm"):
        raise OutputInvalid(f"{folder} ends in {folder.suffix}, but an atlas is a folder: name it {folder.stem}.")
    if not folder.exists() and not folder.is_symlink():
        return
    check_replaceable(folder)
    is_empty = folder.is_dir() and not any(folder.iterdir())
    if not is_empty and not is_atlas(folder):
        raise OutputInvalid(f"{folder} exists and is not an atlas, so it is not replaced. Choose another name.")


def is_atlas(folder: Path) -> bool:
    """Whether a folder is an atlas that was written here."""
    try:
        return bool(json.loads((folder / FACTS).read_bytes())["form"] == FORM)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return False


def _catalog(vectors: str | os.PathLike[str] | StructureCatalog) -> StructureCatalog:
    from embeddings.vectors.names import place_of
    from embeddings.vectors.structures import StructureCatalog, read_structure_catalog

    catalog = vectors if isinstance(vectors, StructureCatalog) else read_structure_catalog(place_of(os.fspath(vectors)))
    if not len(catalog):
        raise InputInvalid(f"{vectors} holds no structures: there is nothing to draw.")
    return catalog


def _write(folder: Path, files: Sequence[ViewerFile], facts: dict[str, Any]) -> None:
    target = folder.resolve()
    restore(target.parent)
    try:
        with staged_folder(target) as staged:
            (staged / PARTS).mkdir()
            entries = [entry for number, file in enumerate(files) for entry in [_entry(staged, number, file)]]
            for name in ("loader.js", "worker.js"):
                (staged / PARTS / name).write_text(read_part(_PACKAGE, name), "utf-8")
            (staged / LICENSES).write_text(read_part(_PACKAGE, "licenses.txt"), "utf-8")
            page = Template(read_part(_PACKAGE, "page.html"))
            content = page.substitute(title=html.escape(facts["title"]), files=embedded_json({"files": entries}))
            (staged / PAGE).write_text(content, "utf-8")
            (staged / FACTS).write_text(json.dumps(facts, indent=2, ensure_ascii=False) + "\n", "utf-8")
            sync_tree(staged / PARTS)
            check_atlas_folder(folder)
            (replace_folder if target.exists() else move_into_place)(staged, target)
    except FileExistsError as error:
        raise OutputInvalid(f"{folder} was created meanwhile by another process, and is not replaced.") from error


def _entry(staged: Path, number: int, file: ViewerFile) -> dict[str, Any]:
    """Write a file as scripts that hand it over, and return how the page finds it."""
    parts = []
    for piece, text in enumerate(_pieces(file.content)):
        parts.append(f"{PARTS}/{number:02}-{piece}.js")
        (staged / parts[-1]).write_text(f'atlas.part("{text}");\n', "ascii")
    return {"name": file.name, "type": file.type, "parts": parts}


def _pieces(content: bytes) -> Iterator[str]:
    packed = gzip.compress(content, _COMPRESSION, mtime=0)
    for start in range(0, len(packed), _PIECE):
        yield base64.b64encode(packed[start : start + _PIECE]).decode()
