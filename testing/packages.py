"""A package of the name and the layout of ElementEmbeddings, whose code must not be run."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest


def install_tables(
    folder: Path, tables: Mapping[str, Mapping[str, list[float]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Put the package on the path.

    Args:
        folder: where it goes.
        tables: name -> symbol -> vector.
        monkeypatch: takes it off the path again.
    """
    module, about = folder / "elementembeddings", folder / "elementembeddings-9.8.7.dist-info"
    (module / "utils").mkdir(parents=True)
    (module / "data" / "element_representations").mkdir(parents=True)
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: ElementEmbeddings\nVersion: 9.8.7\n")
    (module / "__init__.py").write_text("raise SystemExit('the package was run')")
    files = {name: f"{name}.json" for name in tables}
    cited = {name: [f"@misc{{{name},title={{{name.capitalize()}}}}}"] for name in tables}
    (module / "utils" / "config.py").write_text(f"DEFAULT_ELEMENT_EMBEDDINGS = {files!r}\nCITATIONS = {cited!r}\n")
    for name, rows in tables.items():
        (module / "data" / "element_representations" / files[name]).write_text(json.dumps(rows))
    for name in [name for name in sys.modules if name.partition(".")[0] == "elementembeddings"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(folder)
