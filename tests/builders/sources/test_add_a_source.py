"""The recipe for adding a source works as it is written; the page of sources names every one."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from textwrap import dedent

import pytest
from click.testing import CliRunner

from builders.snapshots.snapshot import read_snapshot, read_structures
from builders.sources import SOURCES, SourceInfo
from builders.sources.optimade_providers import PROVIDERS
from embeddings.cli import main
from embeddings.cli.source_options import SOURCE_NAMES

DOCS = Path(__file__).parents[3] / "docs"


def code_blocks() -> list[str]:
    text = (DOCS / "add-a-source.md").read_text(encoding="utf-8")
    return [dedent(block) for block in re.findall(r"^   ```python\n(.*?)^   ```", text, re.DOTALL | re.MULTILINE)]


def test_the_recipe_for_adding_a_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module, entry = code_blocks()
    (tmp_path / "wells_of_the_page.py").write_text(module)
    monkeypatch.syspath_prepend(str(tmp_path))
    entries = eval(f"{{{entry}}}", {"SourceInfo": SourceInfo})
    info: SourceInfo = entries["wells"]
    moved = SourceInfo("wells_of_the_page:wells", info.summary, info.needs, info.licence)
    monkeypatch.setitem(SOURCES, "wells", moved)
    try:
        result = CliRunner().invoke(main, ["pull", "--source", "wells", "--out", str(tmp_path / "wells")])
    finally:
        sys.modules.pop("wells_of_the_page", None)
    assert result.exit_code == 0, result.output
    snapshot = read_snapshot(tmp_path / "wells")
    table = read_structures(snapshot)
    assert list(table.material_ids) == ["well-Fe", "well-Cu", "well-Al"]
    assert table.units == {"depth": "m"}
    assert snapshot.rejected == {"unknown_element": 1}
    text = (DOCS / "add-a-source.md").read_text(encoding="utf-8")
    assert all(f"`{path.name}`" in text for path in snapshot.folder.iterdir() if path.suffix != ".parquet")


def test_the_page_of_sources_names_every_source_provider_and_option() -> None:
    text = (DOCS / "sources.md").read_text(encoding="utf-8")
    assert [name for name in SOURCES if not re.search(rf"\b{name}\b", text)] == []
    assert [name for name in PROVIDERS if f"`{name}`" not in text] == []
    assert [name for name in SOURCE_NAMES if f"--{name.replace('_', '-')}" not in text] == []
