"""Against the Materials Project's own server code, with its own client; only database and gateway are replaced."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from builders.snapshots.snapshot import read_snapshot, read_structures
from builders.sources.mp import server_filters
from builders.sources.mp_documents import CENSUS_FIELDS, FIELDS, normal_id
from testing.servers.emmet import DATABASE_VERSION, emmet_server
from testing.servers.summary import SummaryServer
from testing.servers.summary_documents import identifier, repeated, summary_documents
from tests.builders.sources.conftest import KEY

N, N_DIFFERENT = 2_500, 499
"""Documents, in three pages; those that are made, as many as neither a page nor a batch holds."""


@pytest.fixture(scope="module")
def documents() -> list[dict[str, Any]]:
    made = summary_documents(N_DIFFERENT, n_deprecated=20, n_nc=10)
    served = repeated(made[:N_DIFFERENT], N)
    for k, document in enumerate(served):  # what no other one says
        document["formation_energy_per_atom"] = -k / N
    apart = made[N_DIFFERENT:]
    return served + [document | {"material_id": identifier(N + 1 + k)} for k, document in enumerate(apart)]


@pytest.fixture(scope="module")
def address(documents: list[dict[str, Any]]) -> Iterator[str]:
    with emmet_server(documents) as served:
        yield served


def run_command(arguments: list[str], address: str, home: Path) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own, told where to go by environment variables alone."""
    environment = os.environ | {
        "MP_API_ENDPOINT": address,
        "MP_API_KEY": KEY,
        "HOME": str(home),
        "NO_PROXY": "127.0.0.1",
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-c", "from embeddings.cli import main; main()", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=500)


@pytest.mark.slow
def test_everything_is_pulled_and_every_structure_is_the_one_served(
    documents: list[dict[str, Any]], address: str, tmp_path: Path
) -> None:
    result = run_command(["pull", "--source", "mp", "--out", str(tmp_path / "s"), "--json"], address, tmp_path)
    assert result.returncode == 0, result.stderr
    summary = json.loads(result.stdout)
    assert (summary["n_received"], summary["rejected"]) == (N, {})
    assert summary["facts"]["n_deprecated"] == 20
    snapshot = read_snapshot(tmp_path / "s")
    assert snapshot.origin.database_version == DATABASE_VERSION
    table = read_structures(snapshot)
    rows = {material_id: row for row, material_id in enumerate(table.material_ids)}
    assert len(rows) == N
    for document in documents[:N]:
        row = rows[normal_id(document["material_id"])]
        atoms, structure = slice(*table.offsets[row : row + 2]), document["structure"]
        np.testing.assert_array_equal(table.lattices[row], structure["lattice"]["matrix"])
        np.testing.assert_array_equal(table.frac_coords[atoms], [site["abc"] for site in structure["sites"]])
        assert table.properties["formation_energy_per_atom"][row] == document["formation_energy_per_atom"]


@pytest.mark.slow
def test_a_catalog_is_built_from_it_and_says_that_it_is_synthetic(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from embeddings import load_uae

    options = "build --source mp --limit 300 --recipe ct-multi --epochs 1 --name pulled --about materials-project"
    result = run_command([*options.split(), "--out", str(tmp_path / "catalogs")], address, tmp_path)
    assert result.returncode == 0, result.stderr
    monkeypatch.setenv("EMBEDDINGS_CATALOGS", str(tmp_path / "catalogs"))
    catalog = load_uae("pulled")
    manifest = catalog.manifest
    assert manifest.synthetic
    assert manifest.training.database_version == DATABASE_VERSION
    assert manifest.training.query["server_filters"]["deprecated"] is False
    assert manifest.training.n_structures + manifest.metrics["formation_energy_per_atom"].n <= 300
    card = (tmp_path / "catalogs" / "pulled" / "0.1.0" / "CARD.md").read_text()
    assert f"Database version {DATABASE_VERSION}" in card
    assert "jain2013commentary" in card
    assert KEY not in result.stderr + result.stdout
    assert all(KEY.encode() not in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


QUERIES: list[dict[str, Any]] = [
    {"deprecated": False, "_skip": 1000, "_limit": 1000, "_sort_fields": "material_id", "_fields": CENSUS_FIELDS},
    {"deprecated": False, "_skip": 2400, "_limit": 1000, "_sort_fields": "material_id", "_fields": CENSUS_FIELDS},
    {"deprecated": True, "_limit": 1, "_fields": ["material_id"]},
    {"deprecated": False, "material_ids": "mp-1,mp-aaaaaaai,mp-15", "_limit": 1000, "_fields": FIELDS},
    {"deprecated": False, "chemsys": "Cl-Na,Al,Al-O", "_limit": 100, "_fields": CENSUS_FIELDS},
    {"deprecated": False, "exclude_elements": "Li,O", "_limit": 1000, "_fields": CENSUS_FIELDS},
    {"deprecated": False, "nelements_min": 3, "nelements_max": 3, "_limit": 1000, "_fields": CENSUS_FIELDS},
    {"deprecated": False, "nsites_max": 2, "is_stable": True, "_limit": 1000, "_fields": CENSUS_FIELDS},
    {"deprecated": False, "energy_above_hull_max": 0.05, "_limit": 1000, "_fields": CENSUS_FIELDS},
    {"deprecated": False, "batch_id_not_eq": "synthetic-tests", "_limit": 10, "_fields": CENSUS_FIELDS},
]


@pytest.mark.parametrize("query", QUERIES)
def test_the_small_server_answers_as_theirs_does(
    query: dict[str, Any], documents: list[dict[str, Any]], address: str
) -> None:
    import requests

    asked = {name: ",".join(value) if name == "_fields" else str(value) for name, value in query.items()}
    theirs = requests.get(f"{address}materials/summary/", params=asked, timeout=30).json()
    ours = SummaryServer(documents).answer(asked)
    assert ours["meta"]["total_doc"] == theirs["meta"]["total_doc"]
    assert by_id(ours["data"]) == by_id(theirs["data"])


def by_id(documents: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {document["material_id"]: document for document in documents}


def test_their_server_knows_every_filter_that_we_send(address: str) -> None:
    from itertools import chain

    from builders.structures.cleaning import Selection

    selection = Selection(
        elements=("Na", "Cl"), exclude_elements=("O",), n_elements=(1, 3), max_sites=9, ehull_max=0.1, stable_only=True
    )
    sent = server_filters(selection, include_nc=False)
    assert set(sent) <= set(chain.from_iterable(QUERIES))


@pytest.mark.skipif(not os.environ.get("MP_API_KEY"), reason="no MP_API_KEY: the live service is not asked")
def test_the_live_service(tmp_path: Path) -> None:
    arguments = ["pull", "--source", "mp", "--chemsys", "Na-Cl", "--limit", "5", "--out", str(tmp_path / "s")]
    command = [sys.executable, "-c", "from embeddings.cli import main; main()", *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=500)
    assert result.returncode == 0, result.stderr
    snapshot = read_snapshot(tmp_path / "s")
    assert not snapshot.origin.synthetic
    assert len(read_structures(snapshot)) > 0
