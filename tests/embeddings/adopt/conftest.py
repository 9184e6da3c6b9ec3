from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from embeddings.cli import main
from embeddings.elements import SYMBOLS

ELEMENTS = SYMBOLS[:20]
VECTORS = np.random.default_rng(7).normal(size=(len(ELEMENTS), 8)).astype(np.float32)
TERMS = ("--licence", "MIT", "--citation", "10.1038/s41586-019-1335-8")

Run = Callable[..., Result]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, with an empty cache and no other catalogs."""
    monkeypatch.setenv("EMBEDDINGS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("embeddings.store.roots.packaged_root", lambda: tmp_path / "packaged")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run() -> Run:
    """Run a command, and check its exit code."""

    def call(*args: object, code: int = 0) -> Result:
        result = CliRunner().invoke(main, list(map(str, args)))
        assert result.exit_code == code, result.output
        return result

    return call


def csv_text(vectors: np.ndarray = VECTORS, elements: tuple[str, ...] = ELEMENTS) -> str:
    lines = [",".join(["element", *map(str, range(vectors.shape[1]))])]
    lines += [",".join([name, *map(str, row)]) for name, row in zip(elements, vectors, strict=True)]
    return "\n".join(lines) + "\n"
