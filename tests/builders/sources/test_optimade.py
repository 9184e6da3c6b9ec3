"""Databases that speak OPTIMADE: the reference server of its own tools, with its own examples."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from builders.snapshots.snapshot import read_snapshot, read_structures
from builders.sources import SourceOptions, find_source, optimade
from builders.sources.optimade import provider_filter
from builders.sources.optimade_providers import PROVIDERS, find_provider, value_at
from builders.structures.cleaning import Selection
from embeddings.errors import InputInvalid, SourceError
from testing.servers.optimade import optimade_server
from tests.builders.sources.conftest import Pull

LIMIT = 4


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with optimade_server() as served:
        yield served


@pytest.fixture(autouse=True)
def impatient(own_home: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optimade, "RETRIES", 1)
    monkeypatch.setattr(optimade, "BACKOFF", 0.0)
    monkeypatch.setattr(optimade, "PAGE", LIMIT)


@pytest.fixture(scope="module")
def examples() -> dict[str, dict[str, Any]]:
    """The examples as their file has them, by identifier."""
    import optimade.server.data as data

    text = (Path(data.__file__).parent / "test_structures.json").read_text()
    return {entry["task_id"]: entry for entry in json.loads(text)}


def test_all_pages_are_pulled_and_every_structure_is_the_one_served(
    address: str, examples: dict[str, dict[str, Any]], pull: Pull, tmp_path: Path
) -> None:
    snapshot = pull("optimade", tmp_path / "s", SourceOptions(provider=address))
    table = read_structures(snapshot)
    assert snapshot.n_received == len(examples) == 17
    assert len(table) + sum(snapshot.rejected.values()) == 17
    assert len(table) > 10
    for row, material_id in enumerate(table.material_ids):
        entry, atoms = examples[material_id], slice(*table.offsets[row : row + 2])
        np.testing.assert_allclose(table.lattices[row], entry["lattice_vectors"])
        positions = table.frac_coords[atoms] @ table.lattices[row]
        np.testing.assert_allclose(positions, entry["cartesian_site_positions"], atol=1e-9)
    assert snapshot.facts["server"].startswith("OPTIMADE Python Tools")
    assert snapshot.origin.licence == "LicenseRef-unknown"


def test_it_goes_on_at_the_page_where_it_stopped(
    address: str, pull: Pull, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clean = pull("optimade", tmp_path / "clean", SourceOptions(provider=address))
    page, asked = optimade.OptimadeStream._page, list[str | None]()

    def failing(self: Any, url: str | None, **more: Any) -> Any:
        asked.append(url)
        if len(asked) == 4:
            raise SourceError("no more")
        return page(self, url, **more)

    monkeypatch.setattr(optimade.OptimadeStream, "_page", failing)
    with pytest.raises(SourceError, match="no more"):
        pull("optimade", tmp_path / "s", SourceOptions(provider=address))
    asked_before = len(asked)
    resumed = pull("optimade", tmp_path / "s", SourceOptions(provider=address))
    assert resumed.parts == clean.parts
    assert "page_offset=8" in str(asked[asked_before])


def test_the_filter_and_the_selection_reach_the_server(address: str, pull: Pull, tmp_path: Path) -> None:
    options = SourceOptions(provider=address, filter='elements HAS "O" OR elements HAS "Si"')
    snapshot = pull("optimade", tmp_path / "s", options, Selection(max_sites=40, exclude_elements=("Ac",)))
    assert snapshot.query["filter"] == (
        '(elements HAS "O" OR elements HAS "Si") AND nsites<=40 AND NOT elements HAS ANY "Ac"'
    )
    assert 0 < snapshot.n_received < 17
    assert set(snapshot.rejected) <= {"partial_occupancy", "no_structure", "unknown_element"}


def test_a_filter_that_is_none_is_named(address: str, pull: Pull, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"did not answer as it should.*--filter"):
        pull("optimade", tmp_path / "s", SourceOptions(provider=address, filter="elements HAS HAS"))


def test_an_absent_server_is_named_with_the_way_out(pull: Pull, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="--source starter"):
        pull("optimade", tmp_path / "s", SourceOptions(provider="http://127.0.0.1:9"))
    with pytest.raises(SourceError):
        read_snapshot(tmp_path / "s")


@pytest.mark.parametrize(("name", "said"), [(None, "--provider"), ("oqdm", 'Did you mean "oqmd"')])
def test_a_provider_that_is_none_is_named_with_those_that_are(name: str | None, said: str) -> None:
    with pytest.raises(InputInvalid, match=said) as caught:
        find_source("optimade")(SourceOptions(provider=name), Selection())
    assert "alexandria" in str(caught.value)


@pytest.mark.parametrize("name", PROVIDERS)
def test_named_providers_state_their_terms(name: str) -> None:
    provider = find_provider(name)
    assert provider.origin.licence in ("CC-BY-4.0", "CC0-1.0")
    assert provider.origin.doi
    assert provider.origin.doi in provider.origin.bibtex
    assert bool(provider.properties) == bool(provider.functional)


def test_values_are_found_where_a_provider_keeps_them() -> None:
    attributes = {"_mp_stability": {"gga_gga+u_r2scan": {"energy_above_hull": 0.25}}, "_oqmd_delta_e": -1}
    assert value_at(attributes, PROVIDERS["mp"].properties["energy_above_hull"]) == 0.25
    assert value_at(attributes, PROVIDERS["mp"].properties["formation_energy_per_atom"]) is None
    assert value_at(attributes, PROVIDERS["oqmd"].properties["formation_energy_per_atom"]) == -1
    assert value_at({"_x": True}, ("_x",)) is None


def test_no_filter_is_no_filter() -> None:
    assert provider_filter(None, Selection()) == ""
    assert provider_filter(None, Selection(n_elements=(2, 3))) == "nelements>=2 AND nelements<=3"
