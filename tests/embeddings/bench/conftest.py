"""A catalog that knows what the measurements are made of, and a model that needs it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from testing.measured import FORMULAS, VALUES, write_knowing


@pytest.fixture(scope="session")
def knowing_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with the catalog "knowing"."""
    root = tmp_path_factory.mktemp("catalogs")
    write_knowing(root)
    return root


@pytest.fixture
def knowing(knowing_root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The root, which is searched."""
    monkeypatch.setenv("EMBEDDINGS_CATALOGS", str(knowing_root))
    return knowing_root


@pytest.fixture(scope="session")
def fitted(knowing_root: Path) -> Any:
    """A model that needs the catalog; not to be changed."""
    pytest.importorskip("skops", reason="needs the extra bench")
    from embeddings.bench.model import PropertyModel

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMBEDDINGS_CATALOGS", str(knowing_root))
        return PropertyModel(catalogs=("knowing",), heads=("ridge",)).fit(FORMULAS, VALUES)


@pytest.fixture
def model(knowing: Path, fitted: Any) -> Any:
    """The model, with its catalog at hand."""
    return fitted
