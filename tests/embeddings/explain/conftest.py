"""A saved model of measurements, and tables beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from testing.measured import FORMULAS, VALUES, write_knowing


@pytest.fixture(scope="session")
def knowing_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with a catalog, and a folder "saved" with a model of what it knows."""
    pytest.importorskip("skops", reason="needs the extra bench")
    from embeddings.bench.model import PropertyModel

    root = tmp_path_factory.mktemp("catalogs")
    write_knowing(root)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMBEDDINGS_CATALOGS", str(root))
        PropertyModel(catalogs=("knowing",), heads=("ridge",)).fit(FORMULAS, VALUES).save(root / "saved")
    return root


@pytest.fixture
def saved(knowing_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the model; the working folder holds a table of formulas."""
    monkeypatch.setenv("EMBEDDINGS_CATALOGS", str(knowing_root))
    monkeypatch.chdir(tmp_path)
    Path("table.csv").write_text("\n".join(["formula", *FORMULAS[:6], "nonsense"]) + "\n")
    return knowing_root / "saved"
