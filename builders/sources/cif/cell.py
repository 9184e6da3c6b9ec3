"""From the asymmetric unit to all atoms of the cell."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial import cKDTree

from builders.sources.cif.operations import Operations
from builders.sources.cif.sites import FULL, MOST_OCCUPANCY, MOST_SITES, SiteList
from builders.sources.cif.text import Block, last_digit
from builders.sources.structures import Unusable

SAME_PLACE = 0.05
"""Sites nearer than this (angstrom) are one: three decimals of a coordinate are more exact in any cell."""

THINNEST = 0.5
"""A cell with faces nearer than this (angstrom) holds no atom."""

MANY = 1_000
"""Neighbors on average beyond which close pairs are not listed."""

VOLUME_TOLERANCE = 0.01
"""Of a stated volume, relative; more than what rounded lengths and angles explain."""

_LENGTHS = ("_cell_length_a", "_cell_length_b", "_cell_length_c")
_ANGLES = ("_cell_angle_alpha", "_cell_angle_beta", "_cell_angle_gamma")


@dataclass(frozen=True)
class Atoms:
    """All sites of a cell.

    Attributes:
        coords: (n, 3) float64, fractional; from 0 to 1 where symmetry made them, else as the file has them.
        owners: (n,) the site of the asymmetric unit that each comes from.
        shares: for each site of the asymmetric unit what is on it; empty where it was merged into another.
        multiplicities: (n_sites,) places that symmetry makes of each site of the asymmetric unit.
        n_operations: of the symmetry that made them.
    """

    coords: np.ndarray
    owners: np.ndarray
    shares: list[dict[str, float]]
    multiplicities: np.ndarray
    n_operations: int


def read_cell(block: Block) -> np.ndarray:
    """Return the vectors of the cell in angstrom, (3, 3), c along z as in pymatgen.

    Raises:
        Unusable: a length or an angle is missing or impossible, the cell is flat, or its volume is stated otherwise.
    """
    values = [block.number(name) for name in (*_LENGTHS, *_ANGLES)]
    for name, value in zip((*_LENGTHS, *_ANGLES), values, strict=True):
        if value is None:
            raise Unusable("no_cell", f"{name} is not given")
        if value <= 0 or (name in _ANGLES and value >= 180):
            raise Unusable("no_volume", f"{name} is {value:g}")
    vectors = _vectors(*(value for value in values if value is not None))
    volume = abs(float(np.linalg.det(vectors)))
    areas = np.linalg.norm(np.cross(vectors[[1, 2, 0]], vectors[[2, 0, 1]]), axis=1)
    if not math.isfinite(volume) or volume <= 0 or (volume / areas).min() < THINNEST:
        raise Unusable("no_volume", "its cell is flat or thinner than an atom")
    stated = block.number("_cell_volume")
    if stated is not None:
        slack = VOLUME_TOLERANCE * volume + last_digit(block.text("_cell_volume") or "")
        if abs(stated - volume) > slack:
            raise Unusable("volume_disagrees", f"_cell_volume is {stated:g}, lengths and angles make {volume:.6g}")
    return vectors


def is_of_cell(block: Block, other: Block) -> bool:
    """True if another block states no cell that differs from that of the first."""
    tags = [name for name in (*_LENGTHS, *_ANGLES) if name in block and name in other]
    return all(block.texts(name) == other.texts(name) for name in tags)


def _vectors(a: float, b: float, c: float, alpha: float, beta: float, gamma: float) -> np.ndarray:
    angles = np.radians([alpha, beta, gamma])
    (cos_alpha, cos_beta, cos_gamma), (sin_alpha, sin_beta, _) = np.cos(angles), np.sin(angles)
    turn = (cos_alpha * cos_beta - cos_gamma) / (sin_alpha * sin_beta)
    if abs(turn) > 1:
        raise Unusable("no_volume", f"the angles {alpha:g}, {beta:g}, {gamma:g} make no cell")
    reciprocal = np.arccos(turn)
    across = b * sin_alpha
    return np.array(
        [
            [a * sin_beta, 0.0, a * cos_beta],
            [-across * np.cos(reciprocal), across * np.sin(reciprocal), b * cos_alpha],
            [0.0, 0.0, c],
        ]
    )


def fill_cell(vectors: np.ndarray, operations: Operations, sites: SiteList) -> Atoms:
    """Apply the operations to the sites; what falls on one place is one atom.

    Args:
        vectors: (3, 3) of the cell.
        operations: of its symmetry.
        sites: of the asymmetric unit.

    Raises:
        Unusable: two atoms are in one place, or there are too many.
    """
    n_possible = len(operations) * len(sites)
    if n_possible > MOST_SITES * 20:
        raise Unusable("too_large", f"{n_possible:,} sites before merging; the limit is {MOST_SITES * 20:,}")
    if len(operations) == 1:
        coords, owners = sites.coords, np.arange(len(sites))
        multiplicities = np.ones(len(sites), dtype=np.int64)
    else:
        coords, owners, multiplicities = _images(vectors, operations, sites)
    if len(coords) > MOST_SITES:
        raise Unusable("too_large", f"{len(coords):,} sites in the cell; the limit is {MOST_SITES:,}")
    return _merged(vectors, Atoms(coords, owners, [], multiplicities, len(operations)), sites)


def _images(vectors: np.ndarray, operations: Operations, sites: SiteList) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Places, owners and multiplicities; a site a little off a special position is moved onto it."""
    images = _applied(operations, sites.coords)
    off = images - sites.coords[:, None]
    off -= np.rint(off)
    stays = np.einsum("sni,sni->sn", off @ vectors, off @ vectors) < SAME_PLACE**2
    orders = stays.sum(axis=1)
    if (len(operations) % orders != 0).any():
        label = sites.labels[int(np.argmax(len(operations) % orders != 0))]
        raise Unusable("atoms_overlap", f"images of {label} lie on and beside each other")
    special = orders > 1
    if special.any():
        exact = sites.coords + (off * stays[..., None]).sum(axis=1) / orders[:, None]
        images[special] = _applied(operations, exact[special])
    images -= np.floor(images)
    quotients = operations.quotients
    first = np.ones(stays.shape, dtype=bool)
    for k in np.flatnonzero(special):
        first[k] = _first_of_each(stays[k], quotients)
        if first[k].sum() * orders[k] != len(operations):
            raise Unusable("atoms_overlap", f"images of {sites.labels[k]} lie on and beside each other")
    images[images > 1 - 1e-9] = 0.0
    return images[first], np.nonzero(first)[0], len(operations) // orders


def _first_of_each(stays: np.ndarray, quotients: np.ndarray | None) -> np.ndarray:
    """(n,) bool, the first operation of each set that takes a site to the same place."""
    if quotients is None:
        return np.ones(len(stays), dtype=bool)
    return np.asarray(np.argmax(stays[quotients], axis=0) == np.arange(len(stays)))


def _applied(operations: Operations, coords: np.ndarray) -> np.ndarray:
    """(n_sites, n_operations, 3)."""
    turned = operations.rotations.reshape(-1, 3).astype(np.float64) @ coords.T
    return np.moveaxis(turned.reshape(len(operations), 3, -1), -1, 0) + operations.translations


def close_pairs(vectors: np.ndarray, coords: np.ndarray, distance: float) -> np.ndarray:
    """Return the pairs of places (m, 2) that are nearer than a distance, across the faces of the cell too.

    Raises:
        Unusable: there are more than any crystal has.
    """
    reach = distance * float(np.linalg.norm(np.linalg.inv(vectors), axis=0).max()) * math.sqrt(3)
    wrapped = coords - np.floor(coords)
    wrapped[wrapped >= 1] = 0.0
    tree = cKDTree(wrapped, boxsize=1.0)
    reach = min(reach, 0.5)
    if len(coords) > MANY and tree.count_neighbors(tree, reach) > len(coords) * MANY:
        raise Unusable("atoms_overlap", f"thousands of its {len(coords):,} sites are in one place")
    pairs = tree.query_pairs(reach, output_type="ndarray")
    gaps = wrapped[pairs[:, 0]] - wrapped[pairs[:, 1]]
    gaps -= np.rint(gaps)
    return np.asarray(pairs[np.linalg.norm(gaps @ vectors, axis=1) < distance])


def _merged(vectors: np.ndarray, atoms: Atoms, sites: SiteList) -> Atoms:
    """Put the shares of sites that are in one place together."""
    shares: list[dict[str, float]] = [
        {symbol: share} for symbol, share in zip(sites.symbols, sites.occupancies.tolist(), strict=True)
    ]
    pairs = close_pairs(vectors, atoms.coords, SAME_PLACE)
    into: dict[int, int] = {}
    for one, other in sorted({tuple(sorted(pair)) for pair in atoms.owners[pairs].tolist()}):
        target = into.get(one, one)
        if one == other or into.get(other, other) == target:
            continue
        if atoms.multiplicities[target] != atoms.multiplicities[other]:
            raise Unusable("atoms_overlap", f"{_both(sites, one, other)} are in one place, and not of one multiplicity")
        into[other] = target
        shares[target] = _together(shares[target], shares[other], _both(sites, target, other))
        shares[other] = {}
    shares = [_settled(share) for share in shares]
    if not into:
        return replace(atoms, shares=shares)
    kept = ~np.isin(atoms.owners, list(into))
    return replace(atoms, coords=atoms.coords[kept], owners=atoms.owners[kept], shares=shares)


def _both(sites: SiteList, one: int, other: int) -> str:
    return f"{sites.labels[one]} and {sites.labels[other]}"


def _together(one: dict[str, float], other: dict[str, float], labels: str) -> dict[str, float]:
    """The shares of two sites in one place; the same full atom once more adds nothing."""
    if one.keys() == other.keys() and min(*one.values(), *other.values()) >= FULL:
        return one
    found = dict(one)
    for symbol, share in other.items():
        found[symbol] = found.get(symbol, 0.0) + share
    if sum(found.values()) > MOST_OCCUPANCY:
        raise Unusable("atoms_overlap", f"two atoms in one place: {labels}, {sum(found.values()):g} in all")
    return found


def _settled(share: dict[str, float]) -> dict[str, float]:
    """Isotopes of hydrogen are one element; a sum a little above 1 is 1."""
    if len(share) == 1:
        return dict.fromkeys(share, 1.0) if next(iter(share.values())) >= FULL else share
    isotopes = [symbol for symbol in share if symbol in ("D", "T")]
    if isotopes:
        kept = dict.fromkeys([symbol for symbol in share if symbol not in ("H", "D", "T")] + isotopes[:1], 0.0)
        for symbol, part in share.items():
            kept[isotopes[0] if symbol in ("H", "D", "T") else symbol] += part
        share = kept
    total = sum(share.values())
    if len(share) == 1 and total >= FULL:
        return dict.fromkeys(share, 1.0)
    return {symbol: part / total for symbol, part in share.items()} if total > 1 else share
