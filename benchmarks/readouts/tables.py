"""Results on readouts as Markdown: over all properties, and property by property."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmarks import markdown
from benchmarks.harness import Document, Row, row_with
from embeddings.bench.paired import corrected_p, holm

AGAIN = "-again"
"""How the names of cases end that repeat another on other crystals."""

SIGNS = {"better": " +", "worse": " -", "within noise": ""}


def page(results: Sequence[Document]) -> str:
    """Return what came out over all properties, and the tables of all cases."""
    return "\n".join([verdict(results), "", *map(table, results)])


def table(result: Document) -> str:
    """Return the table of one case: a row for each readout, a column for each property."""
    settings, summary = result["settings"], result["summary"]
    units, widths = settings["units"], settings["widths"]
    cells = [
        [readout, str(width), *(_cell(row_with(summary, readout=readout, target=target)) for target in units)]
        for readout, width in widths.items()
    ]
    about = (
        f"Mean absolute error with its standard deviation over {settings['n_splits']} splits; in brackets on formulas "
        f"that {settings['catalog']} was not trained on (it was on those of {settings['n_seen']:,} of the "
        f"{settings['n_crystals']:,} crystals). + and -: better and worse than the mean, paired by formula, "
        "p < 0.05 after Holm's correction over the table."
    )
    heads = ["readout", "width", *(f"{target}, {unit}" if unit else target for target, unit in units.items())]
    notes = [f"- {note}" for note in result["notes"]]
    return "\n".join([f"### {result['title']}", "", about, "", markdown.table(heads, cells), "", *notes, ""])


def verdict(results: Sequence[Document]) -> str:
    """Return errors over those of the mean, over all properties; apart for crystals that were drawn afterwards."""
    first = [one for one in results if not one["name"].endswith(AGAIN)]
    again = [one for one in results if one["name"].endswith(AGAIN)]
    told = [_over_all(first)] if first else []
    if again:
        told += ["What came out ahead, alone, on crystals that had not been drawn before:", _over_all(again)]
    return "\n\n".join(told)


def _over_all(results: Sequence[Document]) -> str:
    plain, *others = _readouts(results)
    found = {readout: _ratios(results, readout, plain, "mae") for readout in others}
    sure = holm({readout: _p(ratios) for readout, ratios in found.items()})
    cells = []
    for readout, ratios in found.items():
        outcomes = [row["outcome"] for result in results for row in result["summary"] if row["readout"] == readout]
        cells.append(
            [
                readout, str(_width(results, readout)), _ratio(ratios), _probability(sure[readout]),
                f"{outcomes.count('better')} : {outcomes.count('worse')}", f"{np.exp(ratios.max()):.3f}",
                *(_ratio(_ratios(results, readout, plain, kind)) for kind in ("mae_unseen", "mae_ridge")),
            ]
        )  # fmt: skip
    n = len(_ratios(results, plain, plain, "mae"))
    about = (
        f"Error over that of the {plain} (1.000), the geometric mean over {n} properties with its standard error; p of "
        "a t-test over the properties, after Holm's correction; properties better : worse by their own paired tests; "
        "the worst property; the same on formulas that the encoder was not trained on, and with ridge regression alone."
    )
    heads = ["readout", "width", "error", "p", "better : worse", "worst", "unseen", "ridge"]
    return f"{about}\n\n{markdown.table(heads, cells)}"


def _readouts(results: Sequence[Document]) -> list[str]:
    """Return the readouts that all cases have."""
    return [
        name for name in results[0]["settings"]["widths"] if all(name in one["settings"]["widths"] for one in results)
    ]


def _width(results: Sequence[Document], readout: str) -> int:
    return int(results[0]["settings"]["widths"][readout])


def _ratios(results: Sequence[Document], readout: str, plain: str, kind: str) -> np.ndarray:
    """Return logarithms of errors over those of the plain readout, of all properties where both are known."""
    pairs = [
        (
            row_with(result["summary"], readout=readout, target=target)[kind],
            row_with(result["summary"], readout=plain, target=target)[kind],
        )
        for result in results
        for target in result["settings"]["units"]
    ]
    return np.log([ours / theirs for ours, theirs in pairs if ours is not None and theirs is not None])


def _p(logs: np.ndarray) -> float:
    return corrected_p(logs, 0.0)


def _ratio(logs: np.ndarray) -> str:
    return markdown.ratio(logs) if len(logs) else "-"


def _probability(p: float) -> str:
    return "-" if not np.isfinite(p) else f"{p:.3f}" if p >= 0.001 else "< 0.001"


def _cell(row: Row) -> str:
    error = markdown.brief(row["mae"]) if row["std"] is None else markdown.mean_and_std(row["mae"], row["std"])
    unseen = "" if row["mae_unseen"] is None else f" [{row['mae_unseen']:.4g}]"
    return f"{error}{unseen}{SIGNS[row['outcome']]}"
