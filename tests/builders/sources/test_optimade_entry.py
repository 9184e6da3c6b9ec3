"""OPTIMADE entries: what an entry says is heeded, and an odd entry is named while the rest goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pandas as pd
import pytest

from builders.snapshots.snapshot import read_structures
from builders.sources import SourceOptions, optimade_providers
from builders.sources.disorder import Site
from builders.sources.optimade_entry import ENTRY_FIELDS, read_structure
from builders.structures.rejections import MENDS, Unusable
from testing.servers.scripted import Answer, Asked, scripted_server
from tests.builders.sources.conftest import Pull

CELL = (4.12 * np.eye(3)).tolist()


def kind(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "chemical_symbols": [name], "concentration": [1.0], **more}


def attributes(**more: Any) -> dict[str, Any]:
    return {
        "lattice_vectors": CELL,
        "cartesian_site_positions": [[0, 0, 0], [2.06, 2.06, 2.06]],
        "species": [kind("Cs"), kind("Cl")],
        "species_at_sites": ["Cs", "Cl"],
        **more,
    }


def shared(symbols: list[str], shares: list[float], **more: Any) -> list[dict[str, Any]]:
    return [kind("Cs"), {"name": "Cl", "chemical_symbols": symbols, "concentration": shares, **more}]


TAKEN: dict[str, tuple[dict[str, Any], Site]] = {
    "plain": ({}, {"Cl": 1.0}),
    "all that may be said": (
        {
            "nperiodic_dimensions": 3,
            "dimension_types": [1, 1, 1],
            "structure_features": [],
            "chemical_formula_reduced": "ClCs",
            "elements": ["Cl", "Cs"],
            "nelements": 2,
            "nsites": 2,
        },
        {"Cl": 1.0},
    ),
    "nulls say nothing": (
        dict.fromkeys(("nperiodic_dimensions", "dimension_types", "structure_features", "nsites", "assemblies")),
        {"Cl": 1.0},
    ),
    "a dimension that is not counted": ({"nperiodic_dimensions": None, "dimension_types": [1, 1, 1]}, {"Cl": 1.0}),
    "a vacancy": (
        {
            "species": shared(["Cl", "vacancy"], [0.9, 0.1]),
            "structure_features": ["disorder"],
            "chemical_formula_reduced": "Cl9Cs10",
        },
        {"Cl": 0.9, "vacancy": 0.1},
    ),
    "deuterium by its mass": ({"species": shared(["H"], [1.0], mass=2.014)}, {"D": 1.0}),
    "deuterium in part": ({"species": shared(["H", "H"], [0.5, 0.5], mass=[1.008, 2.014])}, {"H": 0.5, "D": 0.5}),
    "all sites of the cell": ({"site_coordinate_span": "unit_cell"}, {"Cl": 1.0}),
    "numbers one after the other": (
        {"lattice_vectors": np.ravel(CELL).tolist(), "cartesian_site_positions": [0, 0, 0, *[2.06] * 3]},
        {"Cl": 1.0},
    ),
    "nothing attached": ({"species": [kind("Cs", attached=["H"], nattached=[0]), kind("Cl")]}, {"Cl": 1.0}),
    "a species that is nowhere": ({"species": [kind("Cs"), kind("Cl"), kind("O", attached=["H"])]}, {"Cl": 1.0}),
    "a formula that is rounded": (
        {"species": shared(["Cl", "Br"], [0.333, 0.667]), "chemical_formula_reduced": "Br2ClCs3"},
        {"Cl": 0.333, "Br": 0.667},
    ),
}


@pytest.mark.parametrize("name", TAKEN)
def test_an_entry_gives_its_cell_sites_and_positions(name: str) -> None:
    more, second = TAKEN[name]
    lattice, sites, coords = read_structure(attributes(**more))
    np.testing.assert_allclose(lattice, CELL)
    np.testing.assert_allclose(coords, [[0, 0, 0], [0.5, 0.5, 0.5]])
    assert sites == [{"Cs": 1.0}, second]


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "implicit atoms": ({"structure_features": ["implicit_atoms"]}, "no_position"),
    "attachments": ({"structure_features": ["disorder", "site_attachments"]}, "no_position"),
    "unknown positions": ({"structure_features": ["unknown_positions"]}, "no_position"),
    "attached atoms without a word": (
        {"species": [kind("Cs"), kind("Cl", attached=["H"], nattached=[2])]},
        "no_position",
    ),
    "attached atoms without a number": ({"species": [kind("Cs"), kind("Cl", attached=["H"])]}, "no_position"),
    "attached atoms of an unknown number": (
        {"species": [kind("Cs"), kind("Cl", attached=["H"], nattached=[None])]},
        "no_position",
    ),
    "assemblies": ({"structure_features": ["assemblies"]}, "unsupported_feature"),
    "assemblies without a word": (
        {"assemblies": [{"sites_in_groups": [[0], [1]], "group_probabilities": [0.5, 0.5]}]},
        "unsupported_feature",
    ),
    "a feature to come": ({"structure_features": ["modulated"]}, "unsupported_feature"),
    "features that are no list": ({"structure_features": "disorder"}, "no_structure"),
    "a slab by its dimensions": ({"dimension_types": [1, 1, 0]}, "no_cell"),
    "a slab by their number": ({"nperiodic_dimensions": 2}, "no_cell"),
    "dimensions that disagree": ({"dimension_types": [1, 1, 0], "nperiodic_dimensions": 3}, "no_cell"),
    "a number that disagrees": ({"dimension_types": [1, 1, 1], "nperiodic_dimensions": 0}, "no_cell"),
    "two dimensions": ({"dimension_types": [1, 1]}, "no_cell"),
    "no lattice": ({"lattice_vectors": None}, "no_structure"),
    "a lattice of nulls": ({"lattice_vectors": [CELL[0], CELL[1], [None] * 3]}, "not_finite"),
    "a flat lattice": ({"lattice_vectors": [CELL[0], CELL[1], CELL[1]]}, "no_volume"),
    "sites that symmetry repeats": ({"site_coordinate_span": "asymmetric_unit"}, "unsupported_feature"),
    "positions by axis": ({"cartesian_site_positions": [[0, 2.06], [0, 2.06], [0, 2.06]]}, "no_structure"),
    "a position that is null": ({"cartesian_site_positions": [[0, 0, 0], None]}, "no_structure"),
    "a lattice by rows of nine": ({"lattice_vectors": [[4.12, 0, 0, 0, 4.12, 0, 0, 0, 4.12]]}, "no_structure"),
    "positions of null": ({"cartesian_site_positions": [[0, 0, 0], [None, None, None]]}, "not_finite"),
    "a position too few": ({"cartesian_site_positions": [[0, 0, 0]]}, "wrong_count"),
    "another number of sites": ({"nsites": 4}, "wrong_count"),
    "a species that is not there": ({"species_at_sites": ["Cs", "Br"]}, "no_structure"),
    "a species twice": ({"species": [kind("Cs"), kind("Cl"), kind("Cl")]}, "no_structure"),
    "shares too few": ({"species": shared(["Cl", "Br"], [1.0])}, "no_structure"),
    "names in one text": ({"species_at_sites": "Cs"}, "no_structure"),
    "another formula": ({"chemical_formula_reduced": "H2NaO"}, "formula_disagrees"),
    "atoms more in the formula": ({"chemical_formula_reduced": "ClCsO2"}, "formula_disagrees"),
    "a formula of other amounts": ({"chemical_formula_reduced": "Cl2Cs"}, "formula_disagrees"),
    "a formula that cannot be read": ({"chemical_formula_reduced": "salt (impure)"}, "formula_disagrees"),
    "another element in the list": ({"elements": ["Cl", "Cs", "H"]}, "formula_disagrees"),
    "more elements than are on sites": ({"nelements": 3}, "formula_disagrees"),
    "a formula of nothing": ({"chemical_formula_reduced": "Cs0"}, "formula_disagrees"),
    "a formula with a dummy": ({"chemical_formula_reduced": "ClCsX"}, "unknown_element"),
    "a dummy on a site": (
        {"species": shared(["X"], [1.0]), "chemical_formula_reduced": "Cs"},
        "unknown_element",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_an_entry_that_is_no_crystal_or_disagrees_is_refused(name: str) -> None:
    more, reason = REFUSED[name]
    with pytest.raises(Unusable) as caught:
        read_structure(attributes(**more))
    assert caught.value.reason == reason
    assert reason in MENDS


Serve = Callable[[list[Any]], str]


@pytest.fixture
def asked() -> list[str]:
    """The addresses that were asked for."""
    return []


@pytest.fixture
def serve(own_home: None, asked: list[str]) -> Iterator[Serve]:
    """Serve entries to everyone who asks; gives the address."""
    with ExitStack() as servers:

        def served(entries: list[Any]) -> str:
            n = len(entries)
            meta = {"api_version": "1.1.0", "more_data_available": False, "data_returned": n, "data_available": n}
            body = {"data": entries, "meta": meta, "links": {"next": None}}

            def answer(request: Asked) -> Answer:
                asked.append(request.path)
                return Answer(headers={"Content-Type": "application/json"}, body=body)

            return servers.enter_context(scripted_server(answer)).origin

        yield served


def entry(name: Any, **more: Any) -> dict[str, Any]:
    return {"id": name, "type": "structures", "attributes": attributes(**more)}


def test_an_odd_entry_is_named_and_the_rest_goes_on(serve: Serve, pull: Pull, tmp_path: Path) -> None:
    entries = [
        entry("first", _x_gap=1, _x_is_metal=True, _x_word="x"),
        None,
        "text",
        [1],
        {"id": "bare", "type": "structures"},
        {"id": "paper", "type": "references", "attributes": {}},
        entry(None),
        entry({"a": 1}),
        entry("\ud800"),
        entry("named", _lattice=5.0),
        entry("dated", last_modified=5),
        entry("huge", _x_gap=10**400),
        entry("last", last_modified="2024-01-01T00:00:00Z"),
    ]
    snapshot = pull("optimade", tmp_path / "s", SourceOptions(provider=serve(entries)))
    assert pd.read_csv(tmp_path / "s" / "rejected.csv")[["item", "reason"]].to_numpy().tolist() == [
        ["entry 2 of its page", "no_structure"],
        ["entry 3 of its page", "no_structure"],
        ["entry 4 of its page", "no_structure"],
        ["bare", "no_structure"],
        ["paper", "no_structure"],
        ["entry 7 of its page", "no_id"],
        ["{'a': 1}", "no_id"],
        ["\\ud800", "bad_name"],
        ["named", "reserved_name"],
    ]
    table = read_structures(snapshot)
    assert list(table.material_ids) == ["first", "dated", "huge", "last"]
    np.testing.assert_array_equal(table.properties["x_gap"], [1, np.nan, np.nan, np.nan])
    np.testing.assert_array_equal(table.properties["x_is_metal"], [1, np.nan, np.nan, np.nan])
    assert snapshot.counts == {"booleans_as_numbers": 1, "values_out_of_range": 1}


def test_a_named_provider_is_asked_for_all_that_is_heeded(
    serve: Serve, asked: list[str], pull: Pull, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = optimade_providers.PROVIDERS["oqmd"]
    provider = optimade_providers.Provider(serve([entry("a")]), known.origin, known.properties, known.functional)
    monkeypatch.setitem(optimade_providers.PROVIDERS, "oqmd", provider)
    pull("optimade", tmp_path / "s", SourceOptions(provider="oqmd"))
    for address in asked:
        fields = parse_qs(urlsplit(address).query)["response_fields"][0].split(",")
        assert {*ENTRY_FIELDS, "last_modified", "_oqmd_delta_e"} <= set(fields)
