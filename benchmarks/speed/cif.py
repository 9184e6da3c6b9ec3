"""Reading CIF: files in a second with our reader and with pymatgen's, then pulls with one process and with two."""

from __future__ import annotations

import tempfile
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.harness import Request
from benchmarks.measure import at_least, in_turn
from builders.engines import Engine
from builders.progress import Reporter
from builders.snapshots.snapshot import take_snapshot
from builders.sources import SourceOptions, find_source
from builders.sources.cif import read_cif
from builders.structures.cleaning import Selection
from testing.crystals import sample_crystals

N_FILES, N_READ, N_DIFFERENT = 20_000, 2_000, 500
"""Files of a pull, files that each reader reads, and how many of them are not copies."""

OURS, PEER = "read_cif", "pymatgen CifParser"
LEAST_RATIO, LEAST_SCALING = 2.0, 1.6


def run(request: Request) -> dict[str, Any]:
    """Read the same files with both readers in turn, then pull all of them with one process and with two in turn."""
    n_files, n_read, n_rounds = (40, 20, 1) if request.quick else (N_FILES, N_READ, 3)
    with tempfile.TemporaryDirectory() as name:
        paths = _write_files(Path(name) / "cifs", n_files)
        readers = {PEER: _read_with_pymatgen, OURS: _read}
        read = in_turn({case: partial(_seconds, reader, paths[:n_read]) for case, reader in readers.items()}, n_rounds)
        pulled = in_turn({f"pull, --jobs {n}": partial(_pull, Path(name) / "cifs", n) for n in (1, 2)}, n_rounds)
    rows = [_row(case, n_read, seconds) for case, seconds in read.items()]
    rows += [_row(case, n_files, seconds) for case, seconds in pulled.items()]
    speed = {row["case"]: row["median_per_s"] for row in rows}
    return {
        "title": "CIF files read in a second",
        "rows": rows,
        "goals": [
            at_least(f"{OURS} over {PEER}", speed[OURS] / speed[PEER], LEAST_RATIO),
            at_least("pull, two processes over one", speed["pull, --jobs 2"] / speed["pull, --jobs 1"], LEAST_SCALING),
        ],
        "notes": [
            f"Half of the files list all atoms, half the asymmetric unit; all cases in turn, rounds: {n_rounds}."
        ],
    }


def _row(case: str, n: int, seconds: list[float]) -> dict[str, Any]:
    return {"case": case, "files": n, "seconds": median(seconds), "median_per_s": n / median(seconds)}


def _seconds(reader: Callable[[Path], object], paths: list[Path]) -> float:
    reader(paths[0])
    started = time.perf_counter()
    for path in paths:
        reader(path)
    return time.perf_counter() - started


def _read(path: Path) -> object:
    return read_cif(path.read_bytes())


def _read_with_pymatgen(path: Path) -> object:
    from pymatgen.io.cif import CifParser

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return CifParser(path).parse_structures(primitive=False)


def _pull(folder: Path, n_workers: int) -> float:
    stream = find_source("local")(SourceOptions(folder, engine=Engine(workers=n_workers)), Selection())
    with tempfile.TemporaryDirectory() as name:
        started = time.perf_counter()
        take_snapshot(Path(name) / "snapshot", "local", stream, Selection(), Reporter(quiet=True))
        return time.perf_counter() - started


def _write_files(folder: Path, n: int) -> list[Path]:
    """Write crystals of 2 and 8 atoms, half of them with their symmetry; the same ones again under other names."""
    from pymatgen.core import Structure
    from pymatgen.io.cif import CifWriter

    folder.mkdir()
    texts = []
    for k, (lattice, numbers, coords) in enumerate(sample_crystals(min(n, N_DIFFERENT))[0]):
        structure = Structure(lattice, numbers.tolist(), coords)
        texts.append(str(CifWriter(structure, symprec=0.01 if k % 4 < 2 else None)))
    paths = [folder / f"{k:05d}.cif" for k in range(n)]
    for k, path in enumerate(paths):
        path.write_text(texts[k % len(texts)], encoding="utf-8")
    return paths
