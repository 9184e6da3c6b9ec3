"""The examples of docs/site-vectors.md run and print what the page says."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from builders.methods.crystal_transformer.config import CrystalTransformerConfig
from embeddings.cli import main
from embeddings.store.roots import user_root
from testing.crystals import arrow_table, cscl
from testing.encoders import write_encoder_catalog

PAGE = (Path(__file__).parents[2] / "docs" / "site-vectors.md").read_text()


def test_the_examples_run(tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_encoder_catalog(user_root(), CrystalTransformerConfig(depth=1), name="ct-multi", version="99.0.0")
    silicon = (5.4 * np.array([[0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]]), np.array([14, 14]))
    crystals = [(*silicon, np.array([[0.0, 0, 0], [0.25, 0.25, 0.25]])), cscl(11, 17, 3.4)]
    pq.write_table(arrow_table(crystals, material_id=pa.array(["mp-149", "mp-22862"])), "structures.parquet")
    source = ["--source", "table", "--path", "structures.parquet"]
    for level, out in (("structure", "vectors"), ("site", "sites"), ("element", "elements")):
        options = ["--catalog", "ct-multi", "--level", level, *source, "-o", f"{out}.parquet"]
        assert CliRunner().invoke(main, ["embed", *options]).exit_code == 0
    blocks = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    test = doctest.DocTestParser().get_doctest("\n".join(blocks), {}, "site-vectors", "site-vectors.md", 0)
    assert len(test.examples) > 10
    report: list[str] = []
    doctest.DocTestRunner(verbose=False).run(test, out=report.append)
    assert not report, "".join(report)
