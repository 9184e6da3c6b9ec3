"""Pulling from the Materials Project: everything is there, once, as it was served; and every fault of a server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from builders.progress import Reporter
from builders.snapshots.refresh import refresh_snapshot
from builders.snapshots.snapshot import Snapshot, read_snapshot, read_structures
from builders.sources import DatabaseMoved, SourceOptions, find_source, mp_client
from builders.sources.addresses import Address
from builders.sources.mp import server_filters
from builders.sources.mp_documents import normal_id
from builders.structures.cleaning import Selection
from embeddings.elements import SYMBOLS
from embeddings.errors import InputInvalid, SourceError
from testing.servers.summary import SummaryServer
from tests.builders.sources.conftest import KEY, Pull

N, N_NC, N_DEPRECATED = 95, 4, 6
N_CENSUS, N_BATCHES = 2, 3


def parts_of(snapshot: Snapshot) -> dict[str, bytes]:
    return {name: (snapshot.folder / name).read_bytes() for name in snapshot.parts}


def served_ids(server: SummaryServer, **criteria: Any) -> list[str]:
    chosen = (d for d in server.documents if all(d[name] == value for name, value in criteria.items()))
    return [
        normal_id(d["material_id"]) for d in chosen if not d["deprecated"] and "NC" not in d["builder_meta"]["license"]
    ]


@pytest.fixture
def clean(server: SummaryServer, pull: Pull, tmp_path: Path) -> Snapshot:
    """A pull without faults."""
    snapshot = pull("mp", tmp_path / "clean")
    server.requests.clear()
    return snapshot


def test_every_structure_and_label_is_what_was_served(server: SummaryServer, clean: Snapshot) -> None:
    table = read_structures(clean)
    documents = {normal_id(d["material_id"]): d for d in server.documents}
    assert sorted(table.material_ids) == sorted(served_ids(server))
    assert len(table) == N
    for row, material_id in enumerate(table.material_ids):
        document, atoms = documents[material_id], slice(*table.offsets[row : row + 2])
        structure = document["structure"]
        np.testing.assert_array_equal(table.lattices[row], structure["lattice"]["matrix"])
        np.testing.assert_array_equal(table.frac_coords[atoms], [site["abc"] for site in structure["sites"]])
        gap, moduli = document["band_gap"], document["bulk_modulus"] or {"vrh": np.nan}
        np.testing.assert_equal(table.properties["band_gap"][row], np.nan if gap is None else gap)
        np.testing.assert_allclose(table.properties["log10_k_vrh"][row], np.log10(moduli["vrh"]))
        assert table.properties["volume_per_atom"][row] == document["volume"] / document["nsites"]
    assert table.units["log10_k_vrh"] == "log10(GPa)"


def test_the_snapshot_says_what_was_asked_where_and_how_much_came(server: SummaryServer, clean: Snapshot) -> None:
    assert clean.origin.database_version == server.version
    assert server.version in clean.origin.attribution
    assert clean.origin.licence == "CC-BY-4.0"
    assert clean.origin.synthetic
    assert clean.query["server_filters"] == {"deprecated": False, "batch_id_not_eq": "gnome_r2scan_statics"}
    assert clean.query["endpoint"] == server.address
    assert clean.facts["n_deprecated"] == N_DEPRECATED
    assert clean.facts["clients"].keys() == {"mp-api", "emmet-core"}
    assert clean.counts == {"licence CC-BY-4.0": N}
    assert clean.n_received == N


def test_rows_carry_both_spellings_of_the_identifier(clean: Snapshot) -> None:
    table = pq.read_table(clean.folder / next(iter(clean.parts)))
    assert table["material_id"][1].as_py() == "mp-8"
    assert table["source_id"][1].as_py() == "mp-aaaaaaai"


def test_the_key_is_sent_and_written_nowhere(
    server: SummaryServer, clean: Snapshot, pull: Pull, tmp_path: Path
) -> None:
    pull("mp", tmp_path / "again")
    assert server.headers["x-api-key"] == KEY
    assert all(KEY not in json.dumps(request) for request in server.requests)
    assert all(KEY.encode() not in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_bodies_travel_compressed(server: SummaryServer, clean: Snapshot, pull: Pull, tmp_path: Path) -> None:
    pull("mp", tmp_path / "again")
    assert server.headers["accept-encoding"] == "gzip"


FAULTS = [
    *("429", "500", "502", "503", "504", "drop", "cut", "malformed", "html"),
    *("short", "empty", "duplicate", "bare", "no meta", "fewer in all"),
]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_that_passes_leaves_no_trace(
    fault: str, server: SummaryServer, clean: Snapshot, pull: Pull, tmp_path: Path
) -> None:
    """At every request of the pull but the first, whose number of documents nothing can check."""
    for position in range(0 if fault not in ("fewer in all",) else 1, N_CENSUS + 1 + N_BATCHES):
        if fault == "bare" and position <= N_CENSUS:
            continue
        server.faults.clear()
        server.faults.extend([None] * position + [fault])
        faulty = pull("mp", tmp_path / f"{fault}-{position}")
        assert parts_of(faulty) == parts_of(clean)
        assert faulty.rejected == {}
        assert not server.faults


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault not in ("bare", "fewer in all")])
def test_a_fault_that_stays_stops_the_pull_and_what_came_before_is_kept(
    fault: str, server: SummaryServer, clean: Snapshot, pull: Pull, tmp_path: Path
) -> None:
    server.faults.extend([None] * (N_CENSUS + 2) + [fault] * 100)
    with pytest.raises(SourceError, match=r"did not answer as it should.*same command again"):
        pull("mp", tmp_path / "s")
    with pytest.raises(SourceError, match="not finished"):
        read_snapshot(tmp_path / "s")
    server.faults.clear()
    server.requests.clear()
    assert parts_of(pull("mp", tmp_path / "s")) == parts_of(clean)
    assert len(server.requests) == N_BATCHES - 1


@pytest.mark.parametrize("status", ["401", "403"])
def test_a_refused_key_stops_at_once_and_says_how_to_get_one(
    status: str, server: SummaryServer, pull: Pull, tmp_path: Path
) -> None:
    server.faults.extend([status] * 9)
    with pytest.raises(SourceError, match=r"refuses the API key.*next-gen\.materialsproject\.org/api"):
        pull("mp", tmp_path / "s")
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", ["400", "404"])
def test_a_request_that_is_not_taken_is_not_repeated(
    status: str, server: SummaryServer, pull: Pull, tmp_path: Path
) -> None:
    server.faults.extend([status] * 9)
    with pytest.raises(SourceError, match=f"status {status}"):
        pull("mp", tmp_path / "s")
    assert len(server.requests) == 1


def test_a_document_that_never_has_a_structure_is_rejected_by_name(
    server: SummaryServer, pull: Pull, tmp_path: Path
) -> None:
    server.documents[5]["structure"] = None
    snapshot = pull("mp", tmp_path / "s")
    assert snapshot.rejected == {"no_structure": 1}
    assert server.documents[5]["material_id"] in (tmp_path / "s" / "rejected.csv").read_text()
    assert len(read_structures(snapshot)) == N - 1
    assert snapshot.n_received == N


def test_a_moved_database_is_refused_in_the_middle_and_between_runs(
    server: SummaryServer, pull: Pull, tmp_path: Path
) -> None:
    server.faults.extend([None] * (N_CENSUS + 2) + ["500"] * 40)
    with pytest.raises(SourceError):
        pull("mp", tmp_path / "s")
    server.faults.clear()
    server.version = "2026.01.01"
    with pytest.raises(DatabaseMoved, match=r"2025\.09\.25 then, 2026\.01\.01 now.*--refresh"):
        pull("mp", tmp_path / "s")


def test_a_database_that_moves_during_the_last_request_is_refused(
    server: SummaryServer, pull: Pull, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = server.answer

    def moving(parameters: dict[str, str]) -> dict[str, Any]:
        if len(server.requests) == N_CENSUS + 1 + N_BATCHES:
            server.version = "2026.01.01"
        return answer(parameters)

    monkeypatch.setattr(server, "answer", moving)
    with pytest.raises(DatabaseMoved):
        pull("mp", tmp_path / "s")
    assert not (tmp_path / "s" / "snapshot.json").exists()


def test_one_damaged_part_is_fetched_again_alone(
    server: SummaryServer, clean: Snapshot, pull: Pull, tmp_path: Path
) -> None:
    before = parts_of(clean)
    (clean.folder / "part-00001.parquet").write_bytes(b"PAR1")
    with pytest.raises(SourceError, match="missing or altered"):
        read_snapshot(clean.folder)
    assert parts_of(pull("mp", clean.folder)) == before
    assert len(server.requests) == 1


def changed(server: SummaryServer) -> None:
    """One document altered, one new, one gone, and a new version."""
    server.version = "2026.01.01"
    altered, new = server.documents[50], dict(server.documents[70])
    server.documents[50] = altered | {"last_updated": "2026-01-01T00:00:00Z", "band_gap": 9.0}
    server.documents.append(new | {"material_id": "mp-99999"})
    del server.documents[10]


def test_a_refresh_fetches_what_changed_and_ends_as_a_clean_pull_would(
    server: SummaryServer, clean: Snapshot, pull: Pull, tmp_path: Path
) -> None:
    changed(server)
    stream = find_source("mp")(SourceOptions(), Selection())
    refreshed = refresh_snapshot(clean.folder, "mp", stream, Selection(), Reporter(quiet=True))
    asked = ",".join(r["material_ids"] for r in server.requests if "material_ids" in r)
    assert sorted(asked.split(",")) == sorted([server.documents[49]["material_id"], "mp-99999"])
    assert parts_of(refreshed) == parts_of(pull("mp", tmp_path / "anew"))
    assert refreshed.origin.database_version == "2026.01.01"
    assert refreshed.folder == clean.folder
    assert {path.name for path in tmp_path.iterdir() if "clean." in path.name and path.is_dir()} == set()


def test_a_refresh_counts_what_was_done_to_the_rows_that_it_takes_over(
    server: SummaryServer, pull: Pull, tmp_path: Path
) -> None:
    for document in server.documents[10:30]:
        structure = document["structure"]
        site = structure["sites"][0]
        mixed = [site["species"][0] | {"occu": 0.95}, {"element": "D", "occu": 0.05}]
        document["structure"] = structure | {"sites": [site | {"species": mixed}, *structure["sites"][1:]]}
    options, selection = SourceOptions(disorder="majority"), Selection()
    first = pull("mp", tmp_path / "s", options)
    server.version = "2026.01.01"
    server.documents[5] = server.documents[5] | {"last_updated": "2026-01-01T00:00:00Z", "band_gap": 9.0}
    stream = find_source("mp")(options, selection)
    refreshed = refresh_snapshot(tmp_path / "s", "mp", stream, selection, Reporter(quiet=True))
    anew = pull("mp", tmp_path / "anew", options)
    assert refreshed.counts == anew.counts == first.counts
    assert sum(n for note, n in anew.counts.items() if "majority" in note) > 10
    assert (refreshed.rejected, refreshed.unusable, refreshed.n_received) == (
        anew.rejected,
        anew.unusable,
        anew.n_received,
    )


def test_only_a_source_that_knows_its_changes_can_be_refreshed(tmp_path: Path, pull: Pull) -> None:
    pull("starter", tmp_path / "s", selection=Selection(limit=5))
    stream = find_source("starter")(SourceOptions(), Selection(limit=5))
    with pytest.raises(InputInvalid, match="cannot tell what has changed"):
        refresh_snapshot(tmp_path / "s", "starter", stream, Selection(limit=5), Reporter(quiet=True))


def test_data_for_non_commercial_use_comes_only_when_asked_for(
    server: SummaryServer, pull: Pull, tmp_path: Path
) -> None:
    server.sees_nc = True
    without = pull("mp", tmp_path / "without")
    assert without.facts["licences"] == {"CC-BY-4.0": N, "CC-BY-NC-4.0": N_NC}
    assert len(read_structures(without)) == N
    withal = pull("mp", tmp_path / "with", SourceOptions(include_nc=True))
    assert withal.origin.licence == "CC-BY-NC-4.0"
    assert "no commercial use" in withal.origin.attribution
    assert withal.counts == {"licence CC-BY-4.0": N, "licence CC-BY-NC-4.0": N_NC}


SELECTIONS = st.builds(
    Selection,
    elements=st.none() | st.sets(st.sampled_from(["Li", "O", "Na", "Cl", "K", "Al"]), min_size=2).map(tuple),
    exclude_elements=st.none() | st.sets(st.sampled_from(["Li", "O", "Na"]), min_size=1).map(tuple),
    chemsys=st.none() | st.just(("Al-O", "Cl-Na")),
    n_elements=st.none() | st.just((2, 2)),
    max_sites=st.none() | st.sampled_from([2, 3, 8]),
    ehull_max=st.none() | st.sampled_from([0.0, 0.05, 0.1]),
    stable_only=st.booleans(),
    limit=st.none() | st.integers(1, 30),
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(selection=SELECTIONS)
def test_the_service_leaves_out_nothing_that_the_selection_keeps(
    selection: Selection, server: SummaryServer, pull: Pull, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """With the filters of the service, and by ourselves from everything: the same structures."""
    folder = tmp_path_factory.mktemp("pulls")
    chosen = ids_of(pull, folder / "server", selection)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("builders.sources.mp.server_filters", lambda *_, **__: {"deprecated": False})
        assert ids_of(pull, folder / "all", selection) == chosen


def ids_of(pull: Pull, folder: Path, selection: Selection) -> list[str]:
    try:
        return list(read_structures(pull("mp", folder, selection=selection)).material_ids)
    except SourceError as error:
        if "is kept: " in str(error):
            return []
        raise


def test_long_lists_are_left_to_us() -> None:
    many = SYMBOLS[:40]
    filters = server_filters(Selection(elements=many, exclude_elements=many), include_nc=True)
    assert filters == {"deprecated": False}
    assert server_filters(Selection(elements=("O", "Fe")), include_nc=True)["chemsys"] == "Fe,O,Fe-O"


@pytest.mark.parametrize(("key", "said"), [("", "No API key in MP_API_KEY"), ("short", "not 5 characters")])
def test_a_missing_or_malformed_key_is_named_but_never_shown(
    key: str, said: str, own_home: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MP_API_KEY", key)
    with pytest.raises(SourceError, match=said) as caught:
        find_source("mp")(SourceOptions(), Selection())
    assert "next-gen.materialsproject.org/api" in str(caught.value)
    assert not key or key not in str(caught.value)


def test_a_key_file_is_read_and_a_missing_one_is_named(
    server: SummaryServer, pull: Pull, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MP_API_KEY")
    (tmp_path / "key").write_text(KEY + "\n")
    pull("mp", tmp_path / "s", SourceOptions(api_key_file=tmp_path / "key"), Selection(limit=3))
    assert server.headers["x-api-key"] == KEY
    with pytest.raises(SourceError, match="absent cannot be read: FileNotFoundError"):
        pull("mp", tmp_path / "s", SourceOptions(api_key_file=tmp_path / "absent"))


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/", "no-scheme", "http://host.invalid/"])
def test_without_a_network_or_with_a_wrong_address_the_way_out_is_named(
    address: str, own_home: None, pull: Pull, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MP_API_ENDPOINT", address)
    monkeypatch.setattr("builders.sources.mp.FIRST_PATIENCE", ())
    with pytest.raises(SourceError, match="--source starter"):
        pull("mp", tmp_path / "s")
    assert not (tmp_path / "s").exists()


def test_requests_keep_their_distance(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr(mp_client.time, "sleep", waited.append)
    client = mp_client.MaterialsProjectClient(Address("https://api.materialsproject.org"), KEY)
    for _ in range(3):
        client.ask("nothing", lambda: None)
    assert [round(seconds, 1) for seconds in waited] == [0.0, 0.2, 0.2]
    local = mp_client.MaterialsProjectClient(Address("http://127.0.0.1:80"), KEY)
    local.ask("nothing", lambda: None)
    assert waited[-1] == 0
