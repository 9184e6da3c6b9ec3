"""The viewer of the atlas: the built files of Embedding Atlas (Apple, MIT license), fit for a page without a server.

Its files find each other by their addresses. A page that is opened from disk has no addresses to fetch from, so its own
scripts hand it the files, and here the scripts of the viewer are told to ask for them by name (`atlas.url`, see
``web/loader.js``). What is not for a map, such as the part that would fetch models, is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from embeddings.errors import MissingExtra
from embeddings.installation import install_hint

PACKAGE, MODULE = "embedding-atlas", "embedding_atlas"
SERIES = "0.22"
"""The last one that also draws where a browser offers no WebGPU."""

TYPES = {".js": "text/javascript", ".css": "text/css", ".wasm": "application/wasm", ".png": "image/png"}
UNUSED = ("mvp", "ort-wasm", "umap_wasm", "embedding.worker")
"""Parts of the names of files for old browsers, and for models."""

_ENTRY = re.compile(r'src="\./(assets/[^"]+\.js)"')
_NEEDED = ("assets/duckdb-browser-eh", "assets/duckdb-eh", "wasm_eh/parquet")
_ASSET = re.compile(r"new URL\(`([^`]+)`,import\.meta\.url\)\.href")
_MODULE = re.compile(r"import\(`\./([^`]+)`\)")
_NOWHERE = "`https://atlas.invalid/`"


@dataclass(frozen=True)
class ViewerFile:
    """A file of the viewer.

    Attributes:
        name: its path within the viewer.
        type: its media type.
        content: its bytes.
    """

    name: str
    type: str
    content: bytes


def check_viewer() -> str:
    """Return the version of the viewer.

    Raises:
        MissingExtra: it is not installed, or of another series.
    """
    try:
        version = metadata.version(PACKAGE)
    except metadata.PackageNotFoundError:
        version = ""
    if find_spec(MODULE) is None or not version:
        raise MissingExtra(f"{PACKAGE} is not installed. {_hint()}")
    if not version.startswith(f"{SERIES}."):
        raise MissingExtra(f"{PACKAGE} {version} is installed, but the atlas is drawn with {SERIES}. {_hint()}")
    return version


def read_viewer() -> list[ViewerFile]:
    """Return the files of the viewer in the order in which they are loaded; the last one is started.

    Raises:
        MissingExtra: it is not installed, of another series, or not complete.
    """
    check_viewer()
    spec = find_spec(MODULE)
    places = spec.submodule_search_locations if spec else None
    static = Path(next(iter(places or ["."]))) / "static"
    found = {file.name: file for file in _read(static)} if static.is_dir() else {}
    index = static / "index.html"
    entry = _ENTRY.search(index.read_text("utf-8")) if index.is_file() else None
    if not entry or entry[1] not in found or not all(any(need in name for name in found) for need in _NEEDED):
        raise MissingExtra(f"The files of {PACKAGE} in {static} are not complete. {_hint()}")
    return [*(file for name, file in found.items() if name != entry[1]), found[entry[1]]]


def _read(static: Path) -> Iterator[ViewerFile]:
    for path in sorted(static.rglob("*")):
        name = path.relative_to(static).as_posix()
        if path.suffix in TYPES and not any(part in name for part in UNUSED):
            content = path.read_bytes()
            yield ViewerFile(name, TYPES[path.suffix], _asking(content) if path.suffix == ".js" else content)


def _asking(script: bytes) -> bytes:
    """Return a script that asks for other files by their names."""
    text = _ASSET.sub(r"atlas.url(`\1`)", script.decode())
    text = _MODULE.sub(r"import(atlas.url(`\1`))", text).replace("import.meta.url", _NOWHERE)
    return text.replace("import.meta", "({})").encode()  # workers are started as plain scripts, which do not know it


def _hint() -> str:
    return (
        f"Install it with: {install_hint('atlas')} - or without the packages that it brings, for its viewer alone is "
        f"used: pip install --no-deps {PACKAGE}=={SERIES}.0"
    )
