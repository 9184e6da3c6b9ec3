"""A fit that was killed: the same command makes only what is missing, and writes the same bytes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sklearn", reason="needs the extra bench")
pytest.importorskip("lightgbm", reason="needs the extra bench")
pytest.importorskip("skops", reason="needs the extra bench")

from click.testing import CliRunner, Result

from embeddings.bench import trials
from embeddings.bench.ledger import FoldLedger, fold_ledger
from embeddings.cli import main
from embeddings.store.temporaries import hold, release
from testing.measured import FORMULAS, VALUES

N_BEFORE = 5


class Fits:
    """Counts fits on inner folds, and interrupts before one of them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.n, self.last = 0, None
        self._fit, self._lock = trials.fit, threading.Lock()
        monkeypatch.setattr(trials, "fit", self)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        with self._lock:
            if self.last is not None and self.n >= self.last:
                raise KeyboardInterrupt
            self.n += 1
        return self._fit(*args, **kwargs)

    def of(self, work: Callable[[], Result], last: int | None = None) -> int:
        """Return how many fits a command made."""
        self.n, self.last = 0, last
        assert work().exit_code == (0 if last is None else 130)
        return self.n


@pytest.fixture
def fits(monkeypatch: pytest.MonkeyPatch) -> Fits:
    return Fits(monkeypatch)


@pytest.fixture
def fit(knowing: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Callable[[], Result]]:
    """Return the command that fits a model and saves it under a name."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1800000000")
    rows = [f"{formula},{value}" for formula, value in zip(FORMULAS, VALUES, strict=True)]
    Path("data.csv").write_text("\n".join(["formula,y", *rows]) + "\n")
    fixed = ("--target", "y", "--catalog", "knowing", "--head", "ridge", "--head", "trees")
    return lambda out, *more: lambda: CliRunner().invoke(main, ["fit", "data.csv", *fixed, "-o", out, *more])


@pytest.fixture
def begun(fit: Callable[..., Callable[[], Result]], fits: Fits, own_cache: Path) -> Path:
    """The file that an interrupted fit left; one more fit may have been at work in another thread."""
    assert fits.of(fit("made"), last=N_BEFORE) == N_BEFORE
    assert not Path("made").exists()
    [path] = own_cache.glob("fits/fit-*/folds.jsonl")
    return path


def content(folder: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


def test_a_killed_fit_goes_on_and_ends_with_the_same_bytes(fit: Any, fits: Fits, begun: Path, own_cache: Path) -> None:
    n_kept = len(FoldLedger(begun))
    assert 0 < n_kept <= N_BEFORE
    result: list[Result] = []
    n_resumed = fits.of(lambda: result.append(fit("made")()) or result[0])
    assert f"Resuming: {n_kept} predictions of inner folds are there already." in result[0].stderr
    assert n_resumed == fits.of(fit("other")) - n_kept
    assert content("made") == content("other")
    assert not any((own_cache / "fits").iterdir())


@pytest.mark.parametrize("damage", ["torn", "altered", "empty", "no text"])
def test_what_was_damaged_is_made_again(fit: Any, fits: Fits, begun: Path, damage: str) -> None:
    n_kept, whole = len(FoldLedger(begun)), bytearray(begun.read_bytes())
    whole[-20] ^= 1
    begun.write_bytes(
        {"torn": whole[:-20], "altered": bytes(whole), "empty": b"", "no text": b"\xff\n\0 " * 90}[damage]
    )
    assert len(FoldLedger(begun)) == (n_kept - 1 if damage in ("torn", "altered") else 0)
    fits.of(fit("made"))
    fits.of(fit("other"))
    assert content("made") == content("other")


def test_another_seed_is_another_fit(fit: Any, fits: Fits, begun: Path) -> None:
    result: list[Result] = []
    fits.of(lambda: result.append(fit("made", "--seed", "1")()) or result[0])
    assert "Resuming" not in result[0].stderr
    assert begun.exists()


def test_a_fit_that_another_process_is_at_keeps_nothing(tmp_path: Path) -> None:
    with fold_ledger(tmp_path, "a") as first, fold_ledger(tmp_path, "a") as second:
        second.keep(trials.Candidate("properties", "ridge"), 0, trials.np.zeros((2, 1)))
        assert (len(first), len(second)) == (0, 0)
        assert not any(tmp_path.glob("*/folds.jsonl"))


def test_where_nothing_can_be_kept_the_fit_ends_all_the_same(fit: Any, fits: Fits, own_cache: Path) -> None:
    own_cache.mkdir()
    (own_cache / "fits").touch()
    assert fits.of(fit("made")) > N_BEFORE


def test_a_fit_that_fails_at_once_leaves_nothing(own_cache: Path) -> None:
    with pytest.raises(ValueError, match="no"), fold_ledger(own_cache / "fits", "a"):
        raise ValueError("no")
    assert not any((own_cache / "fits").iterdir())


def test_the_lock_of_a_ledger_is_the_one_that_the_cache_looks_at(tmp_path: Path) -> None:
    with fold_ledger(tmp_path, "a"):
        [folder] = tmp_path.glob("fit-*")
        with pytest.raises(BlockingIOError):
            release(hold(tmp_path / f".{folder.name}.lock"))


@pytest.mark.parametrize("changed", ["numpy", "lightgbm"])
def test_another_version_of_a_library_is_another_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: str
) -> None:
    def kept() -> str:
        with fold_ledger(tmp_path, "a"):
            [folder] = tmp_path.glob("fit-*")
            return folder.name

    version = metadata.version
    before = kept()
    assert kept() == before
    monkeypatch.setattr(metadata, "version", lambda name: "0.0.0" if name == changed else version(name))
    assert kept() != before
