"""The values of all properties of all elements, NaN where one is not tabulated."""

from __future__ import annotations

import math
import sqlite3
import warnings
from collections.abc import Callable
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from embeddings.elements import N_ELEMENTS, group, period
from embeddings.errors import InputInvalid, MissingExtra
from tools.properties.columns import MENDELEEV, OWN, PROPERTIES, PYMATGEN

_ALL = range(1, N_ELEMENTS + 1)


def tabulated() -> np.ndarray:
    """Return the values, (118, n_properties) float64, in order of atomic number and of `PROPERTIES`.

    Raises:
        MissingExtra: mendeleev or pymatgen is not installed.
    """
    with closing(_database()) as database:
        readers: dict[str, Callable[[str], list[float]]] = {
            OWN: _own,
            PYMATGEN: _pymatgen,
            MENDELEEV: lambda key: _mendeleev(database, key),
        }
        return np.array([readers[each.data](each.key) for each in PROPERTIES]).T


def _database() -> sqlite3.Connection:
    """Return mendeleev's own database; the package itself would bring a dozen others."""
    spec = find_spec("mendeleev")
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtra.of("mendeleev", "properties")
    path = Path(next(iter(spec.submodule_search_locations))) / "elements.db"
    return sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)


def _mendeleev(database: sqlite3.Connection, key: str) -> list[float]:
    kind, _, what = key.rpartition(":")
    if kind == "ionization":
        query = "select atomic_number, ionization_energy from ionizationenergies where ion_charge = ? order by id desc"
        rows = database.execute(query, (int(what),))
    elif kind == "phase":  # the first form that is listed counts: graphite, white phosphorus
        rows = database.execute(
            f"select atomic_number, {what} from phasetransitions where {what} is not null order by id desc"
        )
    else:
        rows = database.execute(f"select atomic_number, {what} from elements")
    found = dict(rows.fetchall())
    return [_number(found.get(z)) for z in _ALL]


def _pymatgen(key: str) -> list[float]:
    try:
        from pymatgen.core import Element
    except ImportError as error:
        raise MissingExtra.of("pymatgen", "properties") from error
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # one for each element without a value
        return [_number(getattr(Element.from_Z(z), key)) for z in _ALL]


def _own(key: str) -> list[float]:
    known: dict[str, Callable[[int], int | None]] = {"atomic_number": int, "period": period, "group": group}
    if key not in known:
        raise InputInvalid(f'The periodic table has no "{key}".')
    return [_number(known[key](z)) for z in _ALL]


def _number(value: float | str | None) -> float:
    try:
        return math.nan if value is None else float(value)
    except ValueError:
        return math.nan
