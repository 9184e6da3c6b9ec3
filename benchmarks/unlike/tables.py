"""Results on distances to the training as Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks import markdown
from benchmarks.harness import Document, row_with


def table(result: Document) -> str:
    """Return the tables of a case: what the distance that is used tells, and the other ways beside it."""
    settings, rows = result["settings"], result["rows"]
    ways = list(dict.fromkeys(row["way"] for row in rows))
    about = (
        f"{settings['catalog']}; {settings['n_trained_on']:,} crystals that it was trained on and "
        f"{settings['n_held_out']:,} that were held out. AUROC: how often a crystal of the set lies farther away than "
        f"one that was held out (0.5: no difference). Beyond: share of the set that lies farther than "
        f"{settings['beyond']:.0%} of those. Errors of ridge regression on the vectors, for the set's crystals within "
        "the bound and beyond it."
    )
    heads = ["crystals", "n", "AUROC", "beyond", "error of the volume within", "beyond the bound"]
    cells = [_set(result, name, ways[0]) for name in settings["n_sets"]]
    return "\n".join(
        [
            f"### {result['title']}", "", about, "", markdown.table(heads, cells), "",
            _held_out(result), "", _ways(result, ways), "",
        ]
    )  # fmt: skip


def _set(result: Document, name: str, way: str) -> list[str]:
    found = row_with(result["rows"], way=way, set=name)
    errors = row_with(result["errors"], set=name, target="volume")
    n = f"{result['settings']['n_sets'][name]:,}"
    return [
        name,
        n,
        f"{found['auroc']:.2f}",
        f"{found['beyond']:.1%}",
        _text(errors["within"]),
        _text(errors["beyond"]),
    ]


def _held_out(result: Document) -> str:
    units, way = result["settings"]["units"], result["rows"][0]["way"]
    cells = []
    for target, unit in units.items():
        found = row_with(result["rows"], way=way, target=target)
        errors = row_with(result["errors"], set="held out", target=target)
        cells.append(
            [
                f"{target}, {unit}", f"{found['n']:,}", _text(found["spearman"]), _times(found["farthest"]),
                _text(errors["within"]), _text(errors["beyond"]),
            ]
        )  # fmt: skip
    heads = ["held-out crystals", "n", "rank correlation", "farthest 5%", "error within", "beyond"]
    about = (
        "Distance and error of held-out crystals: Spearman's rank correlation, the error of the farthest "
        f"{result['settings']['farthest']:.0%} over that of the others, and errors within the bound and beyond it."
    )
    return f"{about}\n\n{markdown.table(heads, cells)}"


def _ways(result: Document, ways: Sequence[str]) -> str:
    units, sets = result["settings"]["units"], list(result["settings"]["n_sets"])
    cells = []
    for way in ways:
        by_set = [row_with(result["rows"], way=way, set=name) for name in sets]
        by_target = [row_with(result["rows"], way=way, target=target) for target in units]
        cells.append(
            [
                way, _mean([row["auroc"] for row in by_set]), _mean([row["beyond"] for row in by_set]),
                *(_text(row["spearman"]) for row in by_target),
            ]
        )  # fmt: skip
    about = "Ways to measure the distance: means over the sets above, and rank correlations with errors."
    return f"{about}\n\n{markdown.table(['way', 'AUROC', 'beyond', *units], cells)}"


def _mean(values: Sequence[float]) -> str:
    return f"{sum(values) / len(values):.3f}"


def _text(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"


def _times(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} x"
