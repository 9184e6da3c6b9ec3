"""Targets: which properties are learned, their units, and their standardization on training rows alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from builders.structures.table import LARGEST_VALUE, StructureTable
from embeddings.display.numbers import counted, share_of
from embeddings.errors import TargetInvalid, did_you_mean

UNITS: dict[str, str] = {
    "formation_energy_per_atom": "eV/atom",
    "formation_energy_per_cell": "eV/cell",
    "energy_per_atom": "eV/atom",
    "energy_above_hull": "eV/atom",
    "band_gap": "eV",
    "band_gap_hse": "eV",
    "band_gap_gllbsc": "eV",
    "log10_k_vrh": "log10(GPa)",
    "log10_g_vrh": "log10(GPa)",
    "bulk_modulus": "GPa",
    "shear_modulus": "GPa",
    "volume_per_atom": "angstrom^3/atom",
    "refractive_index": "1",
    "seebeck_p": "uV/K",
    "seebeck_n": "uV/K",
    "total_magnetization": "mu_B",
    "magnetic_moment_per_atom": "mu_B/atom",
    "debye_temperature": "K",
    "thermal_conductivity_300k": "W/(m K)",
    "thermal_expansion_300k": "1/K",
}
"""Units of well-known properties, for tables that do not state them."""

DERIVED: dict[str, Callable[[StructureTable], np.ndarray]] = {
    "volume_per_atom": lambda table: np.abs(np.linalg.det(table.lattices)) / table.n_sites,
}
"""Targets that follow from the structure; used where a recipe names one and the source does not state it."""

MIN_VALUES = 10
"""A target with fewer known values than this is refused."""


@dataclass(frozen=True)
class Scaler:
    """Mean and standard deviation of each target over training rows.

    Attributes:
        mean: (n_targets,), in the units of the targets.
        std: (n_targets,), likewise.
        known_fraction: (n_targets,), share of training rows that have a value.
    """

    mean: np.ndarray
    std: np.ndarray
    known_fraction: np.ndarray

    @classmethod
    def fit(cls, labels: np.ndarray, rows: np.ndarray) -> Scaler:
        """Fit on the given rows of (n, n_targets) labels, NaN where unknown."""
        seen = labels[rows]
        return cls(np.nanmean(seen, axis=0), np.nanstd(seen, axis=0), np.isfinite(seen).mean(axis=0))

    def transform(self, labels: np.ndarray) -> np.ndarray:
        """Standardize."""
        return (labels - self.mean) / self.std


LOG10 = "log10_"
"""Before the name of a property: its decadic logarithm is learned, unknown where it is not positive."""


def derive_targets(table: StructureTable, names: Sequence[str]) -> StructureTable:
    """Return the table with the named targets that it lacks and that follow from its structures or properties."""
    derived = {name: values for name in names if (values := _derived(table, name)) is not None}
    units = {name: _log_unit(table, name) for name in derived if name not in DERIVED}
    return replace(table, properties=table.properties | derived, units=table.units | units)


def _derived(table: StructureTable, name: str) -> np.ndarray | None:
    """Return a target that the table lacks; None where it has it, or where it does not follow."""
    if name in table.properties:
        return None
    if name in DERIVED:
        return DERIVED[name](table)
    values = table.properties.get(name.removeprefix(LOG10)) if name.startswith(LOG10) else None
    if values is None:
        return None
    return np.log10(values, where=values > 0, out=np.full(len(table), np.nan))


def _log_unit(table: StructureTable, name: str) -> str:
    return f"log10({unit_of(table, name.removeprefix(LOG10))})"


def choose_targets(table: StructureTable, names: Sequence[str]) -> tuple[str, ...]:
    """Return the targets to learn, checked; without names, every property that can be learned.

    Raises:
        TargetInvalid: a named property is not there, has too few values or is constant; any property to learn is
            infinite or absurdly large somewhere; or nothing is left.
    """
    for name in names or table.properties:
        _check_magnitude(table, name)
    for name in names:
        reason = _why_not(table, name)
        if reason:
            raise TargetInvalid(f'Cannot learn the target "{name}": {reason}')
    chosen = tuple(names) or tuple(name for name in table.properties if not _why_not(table, name))
    if not chosen:
        raise TargetInvalid(
            f"No property to learn. The source has: {', '.join(table.properties) or 'no numeric property column'}."
        )
    return chosen


def _check_magnitude(table: StructureTable, name: str) -> None:
    """Refuse a property with a value too large for any property of a crystal."""
    values = table.properties.get(name, np.zeros(0))
    absurd = np.flatnonzero(np.abs(values) > LARGEST_VALUE)
    if len(absurd):
        first = absurd[0]
        raise TargetInvalid(
            f'Cannot learn the target "{name}": {table.material_ids[first]} has the value {values[first]:g}, and '
            f"{share_of(len(absurd), len(values), 'value', 'is')} infinite or beyond {LARGEST_VALUE:g}. Leave the "
            "value empty, or name other targets."
        )


def _why_not(table: StructureTable, name: str) -> str:
    if name not in table.properties:
        there = ", ".join(table.properties) or "no numeric property"
        return f"the source has no such property.{did_you_mean(name, table.properties)} It has: {there}."
    values = table.properties[name]
    known = values[np.isfinite(values)]
    if len(known) < MIN_VALUES:
        return f"it has {counted(len(known), 'known value')}; at least {MIN_VALUES} are needed."
    return f"{_all_of(known)} {known[0]:g}." if _is_constant(known) else ""


def _all_of(known: np.ndarray) -> str:
    return "its one known value is" if len(known) == 1 else f"all of its {len(known):,} known values are"


def _is_constant(known: np.ndarray) -> bool:
    return bool(np.ptp(known) <= 1e-9 * max(1.0, float(np.abs(known).max())))


def faults_in_training(labels: np.ndarray, targets: Sequence[str], rows: np.ndarray) -> dict[str, str]:
    """Return target -> why it cannot be learned from these rows, even if it varies on the rows held out.

    Args:
        labels: (n, n_targets), NaN where unknown.
        targets: their names.
        rows: those that are learned from.
    """
    faults = {}
    for name, values in zip(targets, labels[rows].T, strict=True):
        known = values[np.isfinite(values)]
        if not len(known) or _is_constant(known):
            state = f"{_all_of(known)} {known[0]:g}" if len(known) else "it is unknown"
            faults[name] = (
                f'Cannot learn the target "{name}": {state} on the {counted(len(rows), "row")} that are learned from; '
                "only rows held out differ."
            )
    return faults


def refuse_faults(faults: dict[str, str]) -> None:
    """Refuse targets that cannot be learned from the training rows.

    Raises:
        TargetInvalid: says why, and names further ones.
    """
    if faults:
        name, fault = next(iter(faults.items()))
        others = [f'"{other}"' for other in faults if other != name]
        also = f" The same goes for {', '.join(others)}." if others else ""
        raise TargetInvalid(f"{fault}{also} Add structures, or choose another --seed or other --targets.")


def labels_of(table: StructureTable, targets: Sequence[str]) -> np.ndarray:
    """Return (n, n_targets) float64, NaN where unknown."""
    return np.stack([table.properties[name] for name in targets], axis=1)


def unit_of(table: StructureTable, target: str) -> str:
    """Return the unit that the table states, else the well-known one, else ``"unknown"``."""
    return table.units.get(target) or UNITS.get(target, "unknown")
