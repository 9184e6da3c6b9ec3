"""The card says what the manifest says, and its header is YAML that the hub can read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from embeddings.store.card import render_card
from embeddings.store.manifest import Licence, Manifest, Metric, read_manifest
from embeddings.store.tables import measure
from testing.toys import toy_provenance, toy_table, write_toy

yaml = pytest.importorskip("yaml")


def toy_manifest(**changes: Any) -> Manifest:
    return measure(toy_provenance(**changes), toy_table())


def header(card: str) -> dict[str, Any]:
    return yaml.safe_load(card.split("---\n")[1])


def test_card_is_a_function_of_the_manifest_on_disk(tmp_path: Path) -> None:
    folder = write_toy(tmp_path)
    assert (folder / "CARD.md").read_text() == render_card(read_manifest(folder))


def test_header() -> None:
    assert header(render_card(toy_manifest())) == {
        "pretty_name": "toy 0.1.0",
        "license": "cc-by-4.0",
        "tags": ["chemistry", "materials-science", "embeddings", "drawing", "synthetic"],
        "size_categories": ["n<1K"],
        "configs": [{"config_name": "default", "data_files": "vectors.parquet"}],
    }


def test_header_of_a_licence_that_the_hub_does_not_know() -> None:
    licence = Licence(spdx="LicenseRef-Strange", attribution="None.")
    fields = header(render_card(toy_manifest(licence=licence)))
    assert (fields["license"], fields["license_name"]) == ("other", "licenseref-strange")


@pytest.mark.parametrize(
    "part",
    [
        "Six elements in a plane.",
        'load_catalog("toy@0.1.0")',
        "| energy | eV/atom | validation | 2 | 0.25 | 0.75 | 0.500 |",
        "| Left out | no volume: 1 |",
        "6 elements. Without a vector (112): He, Li,",
        "| H 1 | O 4 | Na 2 | Cl 1 | Fe 20 | Co 3 |",
        "little: H, O, Na, Cl, Co.",
        "- Of no use but for tests.",
        "training data is synthetic",
        "| ruler | energy | 1,000 | inches, its own | 0.2 ± 0.01 | +0.0% |",
        "| ruler | energy | 1,000 | frozen | 0.1 ± 0.02 | -50.0% |",
        "Nobody measured this.",
        "@misc{toy, title = {Toy}}",
        "DOI: 10.0000/toy",
        "embeddings build --source toy",
    ],
)
def test_body_tells(part: str) -> None:
    assert part in render_card(toy_manifest())


def test_what_is_absent_is_left_out() -> None:
    card = render_card(toy_manifest(synthetic=False, metrics={}, downstream={}))
    for title in ("Accuracy", "Downstream", "synthetic"):
        assert title not in card


def test_undefined_r2_and_pipes_in_names() -> None:
    metric = Metric(mae=1.0, r2=None, n=1, baseline_mae=1.0, unit="")
    assert "| a\\|b |  | validation | 1 | 1 | 1 | undefined |" in render_card(toy_manifest(metrics={"a|b": metric}))


def test_card_does_not_depend_on_its_own_entry(tmp_path: Path) -> None:
    manifest = read_manifest(write_toy(tmp_path))
    without = replace(manifest, files=tuple(f for f in manifest.files if f.path != "CARD.md"))
    assert render_card(without) == render_card(manifest)
