"""A viewer that is not drawn but has the form of the real one, files of vectors, and what a folder holds."""

from __future__ import annotations

import base64
import gzip
import importlib
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from testing.vector_files import write_structures

FORMULAS = ("Fe2O3", "OsCl3", "NaCl", "Na2O", "Si", "SiO2")
IDS = ("mp-1", "mp-2", "mp-3", "mp-4", "mp-149", "mvc-9")
VECTORS = ((3.0, 4.0, 0.0), (4.0, 3.0, 0.0), (0.0, 1.0, 1.0), (-1.0, 0.0, 0.5), (6.0, 8.0, 1.0), (1.0, 1.0, 1.0))

SCRIPT = "var a=``+new URL(`icon.png`,import.meta.url).href;import(`./more.js`);let b=import.meta.url,c=import.meta.x;"
STATIC = {
    "index.html": '<script type="module" crossorigin src="./assets/index-x.js"></script>',
    "assets/index-x.js": SCRIPT,
    "assets/index-y.css": "body{}",
    "assets/icon.png": "png",
    "assets/more.js": "",
    "assets/duckdb-browser-eh.worker-x.js": "",
    "assets/duckdb-browser-mvp.worker-x.js": "",
    "assets/duckdb-eh-x.wasm": "",
    "duckdb-wasm/v1/wasm_eh/parquet.duckdb_extension.wasm": "",
    "duckdb-wasm/v1/wasm_mvp/parquet.duckdb_extension.wasm": "",
}

Install = Callable[..., Path]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Installs a viewer of a version, without some of its files."""

    def installed(version: str = "0.22.0", without: str = "nothing") -> Path:
        site = tmp_path / "site"
        for name, text in STATIC.items():
            if without not in name:
                (site / "embedding_atlas" / "static" / name).parent.mkdir(parents=True, exist_ok=True)
                (site / "embedding_atlas" / "static" / name).write_text(text)
        (site / "embedding_atlas" / "__init__.py").write_text("raise RuntimeError('never imported')")
        about = site / f"embedding_atlas-{version}.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(f"Metadata-Version: 2.4\nName: embedding-atlas\nVersion: {version}\n")
        monkeypatch.syspath_prepend(site)
        importlib.invalidate_caches()
        return site

    return installed


@pytest.fixture
def vectors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of six structures, in the folder where the test works."""
    monkeypatch.chdir(tmp_path)
    return write_structures(Path("v.parquet"), IDS, FORMULAS, VECTORS)


def content_of(folder: Path) -> dict[str, bytes]:
    """Return what the page hands to the viewer, by name."""
    (text,) = re.findall(r'id="files">(.*?)</script>', (folder / "index.html").read_text())
    found = {}
    for file in json.loads(text)["files"]:
        texts = [re.fullmatch(r'atlas\.part\("(.*)"\);\n', (folder / part).read_text()) for part in file["parts"]]
        found[file["name"]] = gzip.decompress(b"".join(base64.b64decode(text[1]) for text in texts if text))
    return found


def table_of(folder: Path) -> pa.Table:
    """Return the table that the viewer loads."""
    return pq.read_table(io.BytesIO(content_of(folder)["data/dataset.parquet"]))


def settings_of(folder: Path) -> dict[str, Any]:
    """Return what the viewer is told."""
    found: dict[str, Any] = json.loads(content_of(folder)["data/metadata.json"])
    return found
