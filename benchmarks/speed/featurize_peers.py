"""The peers' side of `benchmarks.speed.featurize`: formulas on standard input, rates on standard output.

It imports nothing of ours, so that it runs in an environment of its own that has the peers.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

Work = Callable[[list[str]], Any]


def element_embeddings(stats: list[str]) -> Work:
    """Return the bulk function of ElementEmbeddings with a loaded table of 200 dimensions."""
    from elementembeddings.composition import composition_featuriser
    from elementembeddings.core import Embedding

    embedding = Embedding.load_data("mat2vec")
    return lambda formulas: composition_featuriser(formulas, embedding=embedding, stats=stats)


def matminer(preset: str) -> Work:
    """Return the featurizer of matminer, five statistics, formulas read by pymatgen."""
    from matminer.featurizers.composition import ElementProperty
    from pymatgen.core import Composition

    featurizer = ElementProperty.from_preset(preset)
    return lambda formulas: [featurizer.featurize(Composition(formula)) for formula in formulas]


CASES: dict[tuple[str, str, str, int], Callable[[], Work]] = {
    ("ElementEmbeddings", "mat2vec", "mean", 200): lambda: element_embeddings(["mean"]),
    ("ElementEmbeddings", "mat2vec", "five", 1000): lambda: element_embeddings(
        ["mean", "variance", "minpool", "maxpool", "range"]
    ),
    ("matminer", "matscholar_el", "five", 1000): lambda: matminer("matscholar_el"),
}


def rate(work: Work, formulas: list[str], seconds: float) -> float:
    """Return formulas per second over about this many seconds, in portions as large as that allows."""
    done, portion, started = 0, 20, time.perf_counter()
    work(formulas[:portion])
    started = time.perf_counter()
    while (spent := time.perf_counter() - started) < seconds:
        chunk = [formulas[(done + i) % len(formulas)] for i in range(portion)]
        work(chunk)
        done, portion = done + portion, min(2 * portion, 5_000)
    return done / spent


def main() -> None:
    """Measure each peer that is installed and print one JSON object a line."""
    warnings.simplefilter("ignore")
    formulas, seconds = json.load(sys.stdin), float(sys.argv[1])
    for (package, table, statistics, n_features), case in CASES.items():
        try:
            work = case()
        except ImportError:
            continue
        row = {"what": f"{package} {version(package)}, {table}", "statistics": statistics, "features": n_features}
        print(json.dumps(row | {"rows_per_s": round(rate(work, formulas, seconds))}), flush=True)


if __name__ == "__main__":
    main()
