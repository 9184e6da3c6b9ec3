"""A table of measurements that can be learned, and a model of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from embeddings.elements import SYMBOLS
from testing.toys import toy_provenance, toy_table

pytest.importorskip("sklearn", reason="needs the extra bench")
pytest.importorskip("lightgbm", reason="needs the extra bench")
pytest.importorskip("skops", reason="needs the extra bench")

from embeddings.bench.model import PropertyModel
from embeddings.formula import element_fractions
from embeddings.store.tables import write_catalog

RANDOM = np.random.default_rng(0)
HIDDEN = dict(zip(SYMBOLS[:40], RANDOM.normal(size=(40, 3)), strict=True))
PAIRS = RANDOM.choice([name for name in SYMBOLS[:40] if name not in ("He", "Ne", "Ar", "Kr")], size=(90, 2))
FORMULAS = list(dict.fromkeys(f"{a}{b}2" for a, b in PAIRS if a != b))
VALUES = [round(float(sum(w * HIDDEN[e][0] for e, w in element_fractions(f).items())), 6) for f in FORMULAS]


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with the catalog "knowing", whose vectors hold what the values are made of."""
    root = tmp_path_factory.mktemp("catalogs")
    write_catalog(root, toy_provenance(name="knowing", version="1.0.0"), toy_table(HIDDEN))
    return root


@pytest.fixture(autouse=True)
def catalogs(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The root is searched."""
    monkeypatch.setenv("EMBEDDINGS_CATALOGS", str(root))
    return root


@pytest.fixture(scope="session")
def model(root: Path) -> PropertyModel:
    """A model that needs the catalog; not to be changed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMBEDDINGS_CATALOGS", str(root))
        return PropertyModel(catalogs=("knowing",), heads=("ridge",)).fit(FORMULAS, VALUES)
