"""Crystals in any of spglib's 530 settings, and CIF files that state them in the many ways in which people do."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

import gemmi
import numpy as np
import spglib
from hypothesis import assume
from hypothesis import strategies as st

CELL = ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma")
ELEMENTS = "H D Li B C N O F Na Mg Al Si P S Cl K Ca Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Sr Y Zr Cs Ba W U".split()
CHARGES = {"Fe": "3+", "O": "2-", "Na": "1+", "Cl": "-", "Ti": "4+", "H": "+", "Ca": "+2", "S": "-2"}
NEAREST = 0.71
"""Atoms of one place or of two places are at least this far apart (angstrom)."""

MOST_ATOMS = 200


@dataclass(frozen=True)
class Group:
    """One of spglib's 530 settings."""

    hall: int
    number: int
    choice: str
    name: str
    hall_symbol: str
    rotations: np.ndarray
    translations: np.ndarray


@dataclass(frozen=True)
class Site:
    """A site of the asymmetric unit, and what is on it."""

    coords: tuple[float, float, float]
    shares: dict[str, float]


@dataclass(frozen=True)
class Crystal:
    """What a file states, and all atoms of the cell as (contents of a site, place)."""

    group: Group
    cell: tuple[float, ...]
    digits: int
    sites: list[Site]
    atoms: list[tuple[dict[str, float], np.ndarray]]
    multiplicities: list[int]

    @property
    def vectors(self) -> np.ndarray:
        return vectors_of(*self.cell)

    @property
    def counts(self) -> dict[str, float]:
        found: dict[str, float] = {}
        for shares, _ in self.atoms:
            for symbol, share in shares.items():
                found[symbol] = found.get(symbol, 0.0) + share
        return found


@lru_cache(maxsize=600)
def group_of(hall: int) -> Group:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        kind, found = spglib.get_spacegroup_type(hall), spglib.get_symmetry_from_database(hall)
    name = kind.international_full.replace("_", "")
    return Group(hall, kind.number, kind.choice, name, kind.hall_symbol, found["rotations"], found["translations"])


def vectors_of(a: float, b: float, c: float, alpha: float, beta: float, gamma: float) -> np.ndarray:
    """The vectors of a cell, by gemmi: (3, 3), rows."""
    return np.array(gemmi.UnitCell(a, b, c, alpha, beta, gamma).orth.mat.tolist()).T


def gaps_between(vectors: np.ndarray, places: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Distances in angstrom, (n, m), to the image that is nearest: right for those below half a height of the cell."""
    off = np.asarray(places).reshape(-1, 1, 3) - np.asarray(others).reshape(1, -1, 3)
    off -= np.rint(off)
    return np.asarray(np.linalg.norm(off @ vectors, axis=-1))


def images_of(group: Group, coords: np.ndarray, exact: float = 1e-5) -> np.ndarray:
    """The distinct places to which the operations take a site."""
    images = (group.rotations @ coords + group.translations) % 1
    kept: list[np.ndarray] = []
    for image in images:
        off = np.array(kept).reshape(-1, 3) - image
        if not (abs(off - np.rint(off)) < exact).all(axis=1).any():
            kept.append(image)
    return np.array(kept)


free = st.integers(20, 980).map(lambda n: n / 1000) | st.integers(-(10**5), 2 * 10**5).map(lambda n: n / 10**5)
fixed = st.integers(0, 23).map(lambda n: n / 24)
PATTERNS: tuple[Callable[[float, float, float], tuple[float, float, float]], ...] = (
    lambda x, y, z: (x, y, z),
    lambda x, y, z: (x, x, z),
    lambda x, y, z: (x, -x, z),
    lambda x, y, z: (x, 2 * x, z),
    lambda x, y, z: (x, x, x),
    lambda x, y, z: (x, 0.5 + x, z),
    lambda x, y, z: (x, 0.25 - x, z),
)


@st.composite
def places(draw: st.DrawFn) -> tuple[float, ...]:
    """Coordinates in general, on special positions, and on lines between."""
    x, y, z = (draw(free | fixed) for _ in range(3))
    return tuple(float(value) for value in draw(st.sampled_from(PATTERNS))(x, y, z))


@st.composite
def contents(draw: st.DrawFn) -> dict[str, float]:
    first, second = draw(st.sampled_from(ELEMENTS)), draw(st.sampled_from(ELEMENTS))
    kind = draw(st.sampled_from(["full"] * 4 + ["partial", "shared", "shared and partial"]))
    share = draw(st.sampled_from([0.25, 0.5, 0.75, 0.9, 0.333]))
    if kind == "full" or first == second or {first, second} <= {"H", "D"}:
        return {first: 1.0}
    if kind == "partial":
        return {first: share}
    return {first: share, second: round(1 - share if kind == "shared" else (1 - share) / 2, 4)}


@st.composite
def crystals(draw: st.DrawFn) -> Crystal:
    """A cell with the symmetry of a setting, and up to four sites that keep apart."""
    group = group_of(draw(st.integers(1, 530)))
    odd = np.diag([draw(st.floats(0.7, 1.6)) for _ in range(3)])
    odd[0, 1] = odd[1, 0] = draw(st.floats(-0.2, 0.2))
    odd[0, 2] = odd[2, 0] = draw(st.floats(-0.2, 0.2))
    odd[1, 2] = odd[2, 1] = draw(st.floats(-0.2, 0.2))
    metric = np.mean([rotation.T @ odd @ rotation for rotation in group.rotations], axis=0)
    wanted = [(draw(places()), draw(contents())) for _ in range(draw(st.integers(1, 4)))]
    images = [images_of(group, np.array(coords)) for coords, _ in wanted]
    n_atoms = sum(map(len, images))
    while n_atoms > MOST_ATOMS and len(images) > 1:
        n_atoms -= len(images.pop())
    scale = (draw(st.floats(15, 40)) * n_atoms / math.sqrt(np.linalg.det(metric))) ** (1 / 3)
    a, b, c = np.sqrt(np.diag(metric)) * scale
    cosines = np.array([metric[1, 2] / b / c, metric[0, 2] / a / c, metric[0, 1] / a / b]) * scale**2
    cell = tuple(round(float(x), 5) for x in (a, b, c, *np.degrees(np.arccos(cosines))))
    vectors = vectors_of(*cell)
    assume(1 / np.linalg.norm(np.linalg.inv(vectors), axis=0).max() > 2 * NEAREST)
    sites, atoms, multiplicities = list[Site](), list[tuple[dict[str, float], np.ndarray]](), list[int]()
    taken = np.empty((0, 3))
    for (coords, shares), own in zip(wanted, images, strict=False):
        every = np.concatenate([taken, own])
        apart = gaps_between(vectors, own, every)
        apart[np.arange(len(own)), len(taken) + np.arange(len(own))] = np.inf
        if apart.min() < NEAREST:
            continue
        taken = every
        sites.append(Site(coords, shares))  # type: ignore[arg-type]
        atoms += [(shares, image) for image in own]
        multiplicities.append(len(own))
    assume(sites)
    return Crystal(group, cell, draw(st.integers(4, 7)), sites, atoms, multiplicities)


# Files ---------------------------------------------------------------------------------------------------------------


@dataclass
class Style:
    """How a file is written."""

    dots: bool
    old: bool
    case: str
    quotes: str
    digits_of_error: bool
    ending: str
    indent: str


styles = st.builds(
    Style,
    dots=st.booleans(),
    old=st.booleans(),
    case=st.sampled_from(["as is", "lower", "upper"]),
    quotes=st.sampled_from(["bare", "single", "double", "text"]),
    digits_of_error=st.booleans(),
    ending=st.sampled_from(["\n", "\r\n"]),
    indent=st.sampled_from(["", "", " ", "\t"]),
)
SYMMETRY = ("listed", "listed and named", "hall", "name and code", "number and code", "everything")
OPEN = ("name", "number", "name and number", "short name")
"""What may leave open which setting is meant."""

STATED = ("formula", "units", "volume", "density", "weight", "multiplicity", "type", "occupancy")


def cased(text: str, style: Style) -> str:
    return {"as is": text, "lower": text.lower(), "upper": text.upper()}[style.case]


def tag(category: str, item: str, style: Style) -> str:
    return cased(f"_{category}{'.' if style.dots else '_'}{item}", style)


def value(text: str, style: Style) -> str:
    """Text as a value of CIF: bare where that can be, else with quotes or as a text block."""
    if style.quotes == "text":
        return f"\n;{text}\n;"
    if style.quotes == "bare" and text and not set(text) & set(" \t'\"#") and text[0] not in "_$[];":
        return text
    return f'"{text}"' if style.quotes == "double" or "'" in text else f"'{text}'"


def number(x: float, digits: int, style: Style) -> str:
    return f"{x:.{digits}f}" + ("(3)" if style.digits_of_error else "")


def triplet(rotation: np.ndarray, translation: np.ndarray) -> str:
    """An operation as ``-x+y,y,z+1/2``."""
    rows = []
    for row, shift in zip(rotation.tolist(), translation.tolist(), strict=True):
        terms = "".join(("-" if r < 0 else "+") + axis for r, axis in zip(row, "xyz", strict=True) if r)
        part = Fraction(round(shift * 24) % 24, 24)
        rows.append(terms.removeprefix("+") + (f"+{part}" if part else ""))
    return ",".join(rows)


SPELLINGS: tuple[Callable[[str], str], ...] = (
    str,
    str.upper,
    lambda text: text.replace(",", ", "),
    lambda text: text.replace("x", "+x").replace("-+", "-").replace("++", "+"),
)


def symmetry_lines(draw: st.DrawFn, group: Group, how: str, style: Style) -> list[list[str]]:
    """Items that state a setting."""
    code = group.choice or "abc"
    name = ("symmetry", "space_group_name_H-M") if style.old else ("space_group", "name_H-M_alt")
    hall = ("symmetry", "space_group_name_Hall") if style.old else ("space_group", "name_Hall")
    no = ("symmetry", "Int_Tables_number") if style.old else ("space_group", "IT_number")
    found: list[list[str]] = []
    if how in ("listed", "listed and named", "everything"):
        triplets = [triplet(*pair) for pair in zip(group.rotations, group.translations, strict=True)]
        spell = draw(st.sampled_from(SPELLINGS))
        triplets = draw(st.permutations(triplets)) if draw(st.booleans()) else triplets
        where = ("symmetry_equiv", "pos_as_xyz") if style.old else ("space_group_symop", "operation_xyz")
        rows = [f"'{spell(t)}'" for t in triplets]
        head = [tag(*where, style)]
        if draw(st.booleans()):
            head.insert(0, tag(where[0], "pos_site_id" if style.old else "id", style))
            rows = [f"{k} {row}" for k, row in enumerate(rows, start=1)]
        found.append(["loop_", *head, *rows])
    if how in ("hall", "everything"):
        found.append([f"{tag(*hall, style)} {value(group.hall_symbol, style)}"])
    if how in ("name and code", "everything"):
        found.append([f"{tag(*name, style)} {value(f'{group.name}:{code}', style)}"])
    if how == "listed and named":
        found.append([f"{tag(*name, style)} {value(group.name, style)}"])
    if how in ("number and code", "listed and named", "everything"):
        found.append([f"{tag(*no, style)} {group.number}"])
    if how in ("name", "name and number"):
        found.append([f"{tag(*name, style)} {value(group.name, style)}"])
    if how in ("number", "name and number"):
        found.append([f"{tag(*no, style)} {group.number}"])
    if how == "short name":
        is_short = group.choice.lstrip("-").startswith("b")
        text = " ".join(part for part in group.name.split() if part != "1") if is_short else group.name
        found.append([f"{tag(*name, style)} {value(text, style)}"])
    if how == "number and code":
        found.append([f"{tag('space_group', 'IT_coordinate_system_code', style)} {value(code, style)}"])
    return found


def formula_of(crystal: Crystal) -> tuple[dict[str, float], int]:
    """Amounts in a formula unit, isotopes as hydrogen, and the number of units in the cell."""
    amounts: dict[str, float] = {}
    for symbol, n in crystal.counts.items():
        element = "H" if symbol == "D" else symbol
        amounts[element] = amounts.get(element, 0.0) + n
    units = math.gcd(*map(round, amounts.values())) if all(n == round(n) for n in amounts.values()) else 1
    return {element: n / units for element, n in amounts.items()}, units


def stated_items(draw: st.DrawFn, crystal: Crystal, stated: set[str], style: Style) -> list[list[str]]:
    """Items that say again what the atoms say."""
    amounts, units = formula_of(crystal)
    volume = abs(float(np.linalg.det(crystal.vectors)))
    mass = sum(gemmi.Element(symbol).weight * n for symbol, n in crystal.counts.items())
    spelled = {e: f"{n:.4f}".rstrip("0").rstrip(".") for e, n in sorted(amounts.items())}
    text = " ".join(e + (n if n != "1" or draw(st.booleans()) else "") for e, n in spelled.items())
    items = {
        "formula": ("chemical_formula", "sum", value(text, style)),
        "units": ("cell", "formula_units_Z", str(units)),
        "volume": ("cell", "volume", number(volume, 2, style)),
        "density": ("exptl_crystal", "density_diffrn", f"{mass / volume * 1.66053907:.3f}"),
        "weight": ("chemical_formula", "weight", f"{mass / units:.2f}"),
    }
    return [[f"{tag(c, i, style)} {text}"] for name, (c, i, text) in items.items() if name in stated]


def atom_rows(draw: st.DrawFn, crystal: Crystal, stated: set[str], style: Style) -> list[str]:
    """The loop of sites."""
    with_type = "type" in stated
    is_shared = any(list(site.shares.values()) != [1.0] for site in crystal.sites)
    columns = {"label": list[str](), "type_symbol": list[str](), "fract_x": list[str](), "fract_y": list[str](),
               "fract_z": list[str](), "occupancy": list[str](), "site_symmetry_multiplicity": list[str]()}  # fmt: skip
    charged = draw(st.booleans())
    full = draw(st.sampled_from(["1", "1.0", "1.00(2)", ".", "?"]))
    for k, site in enumerate(crystal.sites):
        for symbol, share in site.shares.items():
            columns["label"].append(
                f"{symbol}{len(columns['label']) + 1}" + draw(st.sampled_from(["", "A", "'", "*", "(1)"]))
            )
            columns["type_symbol"].append(symbol + (CHARGES.get(symbol, "") if charged else ""))
            for axis, x in zip("xyz", site.coords, strict=True):
                columns[f"fract_{axis}"].append(number(x, crystal.digits, style))
            columns["occupancy"].append(full if share == 1 else f"{share:g}")
            columns["site_symmetry_multiplicity"].append(str(crystal.multiplicities[k]))
    columns["label"] = [f'"{label}"' if "'" in label else label for label in columns["label"]]
    left_out = {"type_symbol"} if not with_type else set()
    if not is_shared and "occupancy" not in stated:
        left_out.add("occupancy")
    if "multiplicity" not in stated:
        left_out.add("site_symmetry_multiplicity")
    names = draw(st.permutations([name for name in columns if name not in left_out]))
    rows = zip(*(columns[name] for name in names), strict=True)
    return ["loop_", *(tag("atom_site", name, style) for name in names), *(" ".join(row) for row in rows)]


NOISE = (
    ["_audit_creation_method 'by hand; _cell_length_a 7'"],
    ["# data_not_this one", "_journal_name_full", ";data_nor_this", "_cell_length_a 9", ";"],
    ["loop_", "_geom_bond_atom_site_label_1", "_geom_bond_distance", "Na1 2.16(2)", "? ."],
    ["_chemical_name_common ?"],
    [""],
)


@st.composite
def files(draw: st.DrawFn, *, most_noise: int = 2, symmetry: tuple[str, ...] = SYMMETRY) -> tuple[Crystal, str]:
    """A crystal, and a file that states it and nothing else."""
    crystal, style = draw(crystals()), draw(styles)
    stated = draw(st.sets(st.sampled_from(STATED)) | st.just(set(STATED)))
    lengths = [
        [f"{tag('cell', name, style)} {number(x, 5, style)}"] for name, x in zip(CELL, crystal.cell, strict=True)
    ]
    items = [
        *lengths,
        *symmetry_lines(draw, crystal.group, draw(st.sampled_from(symmetry)), style),
        *stated_items(draw, crystal, stated, style),
        *draw(st.lists(st.sampled_from(NOISE), max_size=most_noise, unique_by=lambda lines: lines[0])),
        atom_rows(draw, crystal, stated, style),
    ]
    items = draw(st.permutations(items)) if draw(st.booleans()) else items
    lines = ["data_x", *(style.indent + line if not line.startswith(";") else line for item in items for line in item)]
    text = "\n".join(lines) + "\n"
    text = "\n".join(line.lstrip() if line.lstrip().startswith(";") else line for line in text.split("\n"))
    return crystal, draw(st.sampled_from(["", "", "\ufeff", "#\\#CIF_1.1\n"])) + text.replace("\n", style.ending)


def is_like(found: Any, crystal: Crystal, tolerance: float = 0.03) -> bool:
    """True if what was read are the atoms of the crystal, in any order."""
    return same_atoms(crystal.vectors, found.sites, found.frac_coords, crystal.atoms, tolerance)


def same_atoms(
    vectors: np.ndarray,
    shares: list[Any],
    coords: np.ndarray,
    atoms: list[tuple[dict[str, float], np.ndarray]],
    tolerance: float,
) -> bool:
    """True if each atom has its own counterpart, with the same contents and in the same place."""
    if len(coords) != len(atoms):
        return False
    gaps = gaps_between(vectors, np.asarray(coords), np.array([place for _, place in atoms]))
    nearest = gaps.argmin(axis=1)
    if len(set(nearest.tolist())) != len(atoms) or gaps.min(axis=1).max() > tolerance:
        return False
    return all(same_shares(dict(share), atoms[k][0]) for share, k in zip(shares, nearest.tolist(), strict=True))


def same_shares(one: dict[str, float], other: dict[str, float]) -> bool:
    return one.keys() == other.keys() and all(abs(one[symbol] - other[symbol]) < 2e-3 for symbol in one)
