"""What a CIF file says, as pymatgen's parser of CIF reads its text: atoms by hand from the rows and the operations."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from pymatgen.core import Composition
from pymatgen.core.operations import SymmOp
from pymatgen.io.cif import CifFile

from builders.sources.cif import CifCrystal
from embeddings.elements import ATOMIC_NUMBERS
from tests.fuzz.cif_crystals import CELL, gaps_between, same_atoms, vectors_of

SAME, APART = 0.03, 0.07
"""Angstrom. Places nearer than the first are one, farther apart than the second two; what is between is not judged."""

_LOOP = re.compile(r"(?<!\S)loop_(?!\S)", re.IGNORECASE)
"""The word in any case; pymatgen knows it in lower case."""


class Undecided(Exception):
    """The oracle cannot tell."""


@dataclass
class Statement:
    """The items of a block, by names in lower case without dots."""

    items: dict[str, Any]

    def text(self, name: str) -> str | None:
        found = self.items.get(name)
        if isinstance(found, list):
            found = found[0] if len(found) == 1 else None
        return None if found is None or found.strip() in (".", "?", "") else found.strip()

    def number(self, name: str) -> float | None:
        text = self.text(name)
        return None if text is None else plain_number(text)

    def column(self, name: str) -> list[str] | None:
        found = self.items.get(name)
        return [found] if isinstance(found, str) else found


def plain_number(text: str) -> float:
    try:
        return float(re.sub(r"\(\d*\)?$", "", text))
    except ValueError:
        raise Undecided(text) from None


def statements_of(text: str) -> list[Statement]:
    """The blocks of a file.

    Raises:
        Undecided: pymatgen cannot read it.
    """
    text = _LOOP.sub("loop_", text.lstrip("\ufeff"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            blocks = CifFile.from_str(text).data.values()
        except Exception as error:
            raise Undecided(str(error)) from error
    return [Statement({k.lower().replace(".", "_"): v for k, v in block.data.items()}) for block in blocks]


def operations_of(said: Statement) -> list[tuple[np.ndarray, np.ndarray]] | None:
    """The operations that are listed, None if there are none."""
    for name in ("_symmetry_equiv_pos_as_xyz", "_space_group_symop_operation_xyz"):
        listed = [text for text in said.column(name) or () if text.strip() not in (".", "?")]  # pymatgen: all to 0
        if listed:
            try:
                found = [SymmOp.from_xyz_str(text) for text in listed]
            except Exception as error:
                raise Undecided(str(error)) from error
            pairs = [(one.rotation_matrix, one.translation_vector) for one in found]
            return [(np.eye(3), np.zeros(3)), *pairs]  # every place maps to itself, listed or not
    return None


def symbol_of(kind: str | None, label: str) -> str:
    text = label if kind is None or kind in (".", "?") else kind
    letters = (re.match(r"[A-Za-z]*", text) or [""])[0]
    for symbol in (letters[:2].title(), letters[:1].upper()):
        if symbol in ATOMIC_NUMBERS or symbol == "D":
            return symbol
    raise Undecided(text)


def rows_of(said: Statement) -> list[tuple[str, float, np.ndarray]]:
    """Symbol, share and place of each row of the loop of sites."""
    columns = {name: said.column(f"_atom_site_{name}") for name in
               ("label", "type_symbol", "occupancy", "fract_x", "fract_y", "fract_z")}  # fmt: skip
    labels, places = columns["label"], [columns[f"fract_{axis}"] for axis in "xyz"]
    if labels is None or any(column is None or len(column) != len(labels) for column in places):
        raise Undecided("no loop of sites")
    kinds, shares = columns["type_symbol"] or [None] * len(labels), columns["occupancy"] or ["1"] * len(labels)
    found = []
    for row in zip(labels, kinds, shares, *(column or () for column in places), strict=True):
        share = 1.0 if row[2] in (".", "?") else plain_number(row[2])
        if share > 0:
            found.append((symbol_of(row[1], row[0]), min(share, 1.0), np.array([plain_number(x) for x in row[3:]])))
    return found


def expected_atoms(
    vectors: np.ndarray, operations: list[tuple[np.ndarray, np.ndarray]], rows: list[tuple[str, float, np.ndarray]]
) -> list[tuple[dict[str, float], np.ndarray]] | None:
    """All atoms of the cell; None if two cannot be where they are said to be.

    Raises:
        Undecided: places are so near to each other that it is a matter of opinion.
    """
    atoms: list[tuple[dict[str, float], np.ndarray]] = []
    for symbol, share, coords in rows:
        images = np.array([rotation @ coords + translation for rotation, translation in operations]) % 1
        first: list[np.ndarray] = []
        for image in images:
            if not first or not _is_there(vectors, image, first):
                first.append(image)
        for image in first:
            there = _place_of(vectors, image, atoms)
            if there is None:
                atoms.append(({symbol: share}, image))
                continue
            shares = atoms[there][0]
            if shares.get(symbol, 0) >= 1 and share >= 1:
                continue
            shares[symbol] = shares.get(symbol, 0.0) + share
            if sum(shares.values()) > 1.03:
                return None
    return [(_merged(shares), place) for shares, place in atoms]


def _merged(shares: dict[str, float]) -> dict[str, float]:
    if {"H", "D"} <= shares.keys():
        shares = {symbol: share for symbol, share in shares.items() if symbol != "H"} | {"D": shares["H"] + shares["D"]}
    total = sum(shares.values())
    return {symbol: share / total for symbol, share in shares.items()} if total > 1 else shares


def _is_there(vectors: np.ndarray, image: np.ndarray, places: list[np.ndarray]) -> bool:
    gaps = gaps_between(vectors, image, np.array(places))[0]
    if ((gaps > SAME) & (gaps < APART)).any():
        raise Undecided("two places are as good as one")
    return bool(gaps.min() <= SAME)


def _place_of(vectors: np.ndarray, image: np.ndarray, atoms: list[tuple[dict[str, float], np.ndarray]]) -> int | None:
    if not atoms or not _is_there(vectors, image, [place for _, place in atoms]):
        return None
    return int(gaps_between(vectors, image, np.array([place for _, place in atoms]))[0].argmin())


def faults_of(found: CifCrystal, said: Statement, operations: list[tuple[np.ndarray, np.ndarray]]) -> list[str]:
    """What of a block's statements the atoms that were read of it do not agree with.

    Raises:
        Undecided: the oracle cannot tell.
    """
    cell = [said.number(f"_cell_{name}") for name in CELL]
    if None in cell:
        return ["the cell is not stated"]
    vectors = vectors_of(*(x for x in cell if x is not None))
    faults = []
    if abs(vectors @ vectors.T - found.lattice @ found.lattice.T).max() > 1e-3 * np.abs(vectors @ vectors.T).max():
        faults.append("another cell")
    rows = rows_of(said)
    atoms = expected_atoms(vectors, operations, rows)
    if atoms is None:
        faults.append("atoms overlap")
    elif not same_atoms(vectors, found.sites, found.frac_coords, atoms, 2 * APART):  # type: ignore[arg-type]
        faults.append(f"other atoms: {len(found.sites)} and not {len(atoms)}")
    return (
        faults
        + _formula_faults(found, said)
        + _volume_faults(found, said)
        + _multiplicity_faults(said, vectors, operations, rows)
    )


def _counts(found: CifCrystal) -> dict[str, float]:
    counts: dict[str, float] = {}
    for site in found.sites:
        for symbol, share in site.items():
            element = "H" if symbol == "D" else symbol
            counts[element] = counts.get(element, 0.0) + share
    return counts


def _formula_faults(found: CifCrystal, said: Statement) -> list[str]:
    text = said.text("_chemical_formula_sum")
    if text is None:
        return []
    try:
        stated = {str(element): n for element, n in Composition(text).get_el_amt_dict().items() if n}
    except Exception as error:
        raise Undecided(text) from error
    for isotope in stated.keys() & {"D", "T"}:
        stated["H"] = stated.get("H", 0.0) + stated.pop(isotope)
    counts = _counts(found)
    units = sum(counts.values()) / sum(stated.values())
    off = {e: abs(stated.get(e, 0.0) - counts.get(e, 0.0) / units) for e in counts | stated}
    faults = (
        [f"formula {text}: {counts}"] if any(gap > 0.03 + 0.02 * stated.get(e, 0) for e, gap in off.items()) else []
    )
    n_units = said.number("_cell_formula_units_z")
    if n_units is not None and abs(n_units - units) > 0.03 * units and abs(units - 1) > 0.02:
        faults.append(f"Z {n_units}: {units}")
    return faults


def _volume_faults(found: CifCrystal, said: Statement) -> list[str]:
    volume, faults = abs(float(np.linalg.det(found.lattice))), []
    stated = said.number("_cell_volume")
    if stated is not None and abs(stated - volume) > 0.02 * volume + 1:
        faults.append(f"volume {stated}: {volume}")
    density = said.number("_exptl_crystal_density_diffrn")
    mass = sum(float(Composition(symbol).weight) * n for symbol, n in _counts(found).items())
    is_heavy = any("D" in site for site in found.sites)
    if density is not None and not is_heavy and abs(density - mass / volume * 1.66054) > 0.03 * density + 1:
        faults.append(f"density {density}: {mass / volume * 1.66054}")
    return faults


def _multiplicity_faults(
    said: Statement,
    vectors: np.ndarray,
    operations: list[tuple[np.ndarray, np.ndarray]],
    rows: list[tuple[str, float, np.ndarray]],
) -> list[str]:
    stated = said.column("_atom_site_site_symmetry_multiplicity")
    if stated is None or len(stated) != len(rows):
        return []
    found = [len(expected_atoms(vectors, operations, [row]) or ()) for row in rows]
    wrong = [(n, m) for n, m in zip(stated, found, strict=True) if n not in (".", "?") and plain_number(n) != m]
    return [f"multiplicities {wrong}"] if wrong else []
