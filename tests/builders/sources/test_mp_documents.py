"""Documents of the Materials Project: one that is odd is named, and the rest goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from builders.snapshots.snapshot import read_structures
from builders.sources import SourceOptions
from builders.sources.attempts import attempt
from builders.sources.mp_documents import record_of
from builders.sources.mp_opendata import COLUMNS, OpenDataStream
from builders.sources.structures import StructureRecord
from testing.servers.summary import SummaryServer
from testing.servers.summary_documents import summary_documents
from tests.builders.sources.conftest import Pull

CELL = {"matrix": (np.eye(3) * 4).tolist()}
SITE = {"species": [{"element": "Fe", "occu": 1.0}], "abc": [0.0, 0.0, 0.0]}

ODD: dict[str, tuple[dict[str, Any], str | None]] = {
    "no structure": ({"structure": None}, "no_structure"),
    "a structure of text": ({"structure": "text"}, "no_structure"),
    "a structure without sites": (
        {"structure": {"lattice": CELL, "sites": []}},
        "no_structure",
    ),
    "a site of null": ({"structure": {"lattice": CELL, "sites": [None]}}, "no_structure"),
    "no identifier": ({"material_id": None}, "no_id"),
    "a time without a date": ({"last_updated": {"when": 5}}, "unreadable"),
    "a builder of text": ({"builder_meta": "text"}, "unreadable"),
    "a modulus that is a number": ({"bulk_modulus": 5.0}, None),
    "a modulus that is infinite": ({"bulk_modulus": {"vrh": float("inf")}}, None),
    "a volume of text": ({"volume": "large"}, None),
    "a gap of text": ({"band_gap": "wide"}, None),
    "an energy of 400 digits": ({"energy_per_atom": 10**400}, None),
}


@pytest.mark.parametrize("name", ODD)
def test_an_odd_document_is_a_record_or_a_fault(name: str) -> None:
    changes, reason = ODD[name]
    document = summary_documents(1, n_deprecated=0, n_nc=0)[0] | changes
    found = attempt("mp-1", lambda: record_of(document, disorder="drop"))
    if reason is None:
        assert isinstance(found, StructureRecord)
    else:
        assert not isinstance(found, StructureRecord)
        assert (found.item, found.reason) == ("mp-1", reason)


def test_an_odd_document_does_not_end_a_pull(server: SummaryServer, pull: Pull, tmp_path: Path) -> None:
    names = [str(document["material_id"]) for document in server.documents]
    server.documents[3]["structure"]["sites"][0]["species"] = [5]
    server.documents[5]["bulk_modulus"] = 5.0
    snapshot = pull("mp", tmp_path / "s")
    faults = pd.read_csv(tmp_path / "s" / "rejected.csv")
    assert faults[["item", "reason"]].to_numpy().tolist() == [[names[3], "no_structure"]]
    assert snapshot.rejected == {"no_structure": 1}
    assert len(read_structures(snapshot)) == snapshot.n_received - 1


def test_a_row_of_the_open_data_that_cannot_be_decoded_is_named(tmp_path: Path) -> None:
    documents = summary_documents(4, n_deprecated=0, n_nc=0)
    columns = {name: pa.array([None] * 4, pa.null()) for name in COLUMNS}
    columns["structure"] = pa.array([{"lattice": CELL, "sites": [SITE]}] * 4)
    for name in ("material_id", "builder_meta"):
        columns[name] = pa.array([document[name] for document in documents])
    columns["deprecated"] = pa.array([False] * 4)
    columns["last_updated"] = pa.array(["2025-01-01"] * 4)
    twice = [[("vrh", 1.0), ("vrh", 2.0)] if row == 2 else [("vrh", 3.0)] for row in range(4)]
    columns["bulk_modulus"] = pa.array(twice, pa.map_(pa.string(), pa.float64()))
    pq.write_table(pa.table(columns), tmp_path / "d.parquet")
    fragment = next(ds.dataset(tmp_path / "d.parquet").get_fragments())
    batch = OpenDataStream(SourceOptions())._batch(fragment, None)
    assert [(fault.item, fault.reason) for fault in batch.rejected] == [(documents[2]["material_id"], "unreadable")]
    assert len(batch.table) == 3
