"""Make the catalog of element properties: ``python -m tools.properties.generate --out catalogs``.

Needs the ``properties`` extra and a second. The same packages and ``SOURCE_DATE_EPOCH`` give the same bytes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np

from embeddings._version import __version__
from embeddings.catalog import ElementTable
from embeddings.elements import SYMBOLS
from embeddings.store.epoch import source_date
from embeddings.store.manifest import Citation, Column, Licence, ModelInfo, Provenance, TableInfo, TrainingInfo
from embeddings.store.tables import write_catalog
from tools.properties.columns import PROPERTIES
from tools.properties.values import tabulated

NAME, VERSION = "properties", "1.0.0"

COVERED_BY = "modified_pettifor"
"""The property that an element must have to have a row."""

DESCRIPTION = (
    "26 tabulated properties of the elements, standardized, and a mark for each that is missing: what learned "
    "vectors have to beat."
)
SOURCE = "nothing: tabulated properties of the elements"
LIMITS = (
    "A missing value has the mean of its column, and the mark of that column is 1.",
    "Values of many sources, measured and computed, are beside each other as mendeleev and pymatgen have them.",
    "Properties of elements that were measured on the elements may tell a target that is one of them.",
)
BIBTEX = """@software{mendeleev,
  title = {mendeleev: A Python resource for properties of chemical elements, ions and isotopes},
  author = {Mentel, Lukasz},
  url = {https://github.com/lmmentel/mendeleev}
}

@article{pymatgen,
  title = {Python Materials Genomics (pymatgen): A robust, open-source python library for materials analysis},
  author = {Ong, Shyue Ping and Richards, William Davidson and Jain, Anubhav and Hautier, Geoffroy and
    Kocher, Michael and Cholia, Shreyas and Gunter, Dan and Chevrier, Vincent L. and
    Persson, Kristin A. and Ceder, Gerbrand},
  journal = {Computational Materials Science},
  volume = {68},
  pages = {314--319},
  year = {2013},
  doi = {10.1016/j.commatsci.2012.10.028}
}

@article{glawe2016,
  title = {The optimal one dimensional periodic table: a modified Pettifor chemical scale from data mining},
  author = {Glawe, Henning and Sanna, Antonio and Gross, E. K. U. and Marques, Miguel A. L.},
  journal = {New Journal of Physics},
  volume = {18},
  pages = {093011},
  year = {2016},
  doi = {10.1088/1367-2630/18/9/093011}
}"""


def standardized(values: np.ndarray, symbols: Sequence[str]) -> tuple[np.ndarray, tuple[Column, ...]]:
    """Return vectors without holes: standardized values, and a mark for each property that an element lacks.

    Args:
        values: (n_elements, n_properties), NaN where not tabulated.
        symbols: of the rows.

    Returns:
        (n_elements, n_properties + n_marks) float64; a missing value is zero, which is the mean of its column. And what
        each column is.
    """
    holes = np.isnan(values)
    means, stds = np.nanmean(values, axis=0), np.nanstd(values, axis=0)
    scaled = np.where(holes, 0.0, (values - means) / stds)
    marked = np.flatnonzero(holes.any(axis=0))
    columns = [
        Column(
            name=each.name,
            unit=each.unit,
            source=each.source,
            mean=float(means[k]),
            std=float(stds[k]),
            missing=tuple(name for name, hole in zip(symbols, holes[:, k], strict=True) if hole),
        )
        for k, each in enumerate(PROPERTIES)
    ]
    marks = [Column(name=f"{PROPERTIES[k].name}_is_missing", source="1 where it is not tabulated") for k in marked]
    return np.hstack([scaled, holes[:, marked]]), (*columns, *marks)


def generate(out: Path, *, force: bool = False) -> Path:
    """Write the catalog below a root, and return its folder.

    Raises:
        CatalogExists: the version is there, and `force` is off.
        MissingExtra: mendeleev or pymatgen is not installed.
    """
    values = tabulated()
    rows = np.flatnonzero(np.isfinite(values[:, [each.name for each in PROPERTIES].index(COVERED_BY)]))
    symbols = [SYMBOLS[row] for row in rows]
    vectors, columns = standardized(values[rows], symbols)
    table = ElementTable(rows + 1, vectors, None)
    return write_catalog(out, _provenance(values[rows], columns), table, force=force)


def _provenance(values: np.ndarray, columns: tuple[Column, ...]) -> Provenance:
    packages = {name: version(name) for name in ("mendeleev", "pymatgen")}
    snapshot = json.dumps([[each.name for each in PROPERTIES], np.round(values, 9).tolist()])
    sha256 = hashlib.sha256(snapshot.encode()).hexdigest()
    return Provenance(
        schema_version=2,
        name=NAME,
        version=VERSION,
        description=DESCRIPTION,
        synthetic=False,
        model=ModelInfo(name="tabulated-properties", recipe="tabulated", hyperparameters={}, code_version=__version__),
        training=TrainingInfo(
            source=SOURCE, snapshot_sha256=sha256, n_structures=None, targets={}, split="none", seed=None
        ),
        metrics={},
        limits=LIMITS,
        licence=Licence(
            spdx="MIT",
            attribution=f"Values from mendeleev {packages['mendeleev']} (MIT, Lukasz Mentel) and pymatgen "
            f"{packages['pymatgen']} (MIT, the pymatgen development team), which name whom they have them from.",
        ),
        citation=Citation(bibtex=BIBTEX),
        fingerprint=hashlib.sha256(f"{sha256} {__version__}".encode()).hexdigest(),
        command="python -m tools.properties.generate --out catalogs",
        created=(source_date() or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        environment={"python": platform.python_version(), "numpy": np.__version__, **packages},
        table=TableInfo(
            source=" and ".join(f"{name} {number}" for name, number in packages.items()),
            format="their data",
            training="none",
            columns=columns,
        ),
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(prog="python -m tools.properties.generate", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="root of catalogs")
    parser.add_argument("--force", action="store_true", help="replace the version if it is there")
    options = parser.parse_args(arguments)
    generate(options.out, force=options.force)


if __name__ == "__main__":
    main()
