"""The card of a saved model: CARD.md, generated from its manifest alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from embeddings.bench.in_context_weights import HEAD
from embeddings.bench.manifest import ModelManifest
from embeddings.bench.structures import described
from embeddings.display.numbers import counted
from embeddings.display.text import one_line

CARD = "CARD.md"

_MEASURES = {
    "mae": "mean absolute error",
    "rmse": "root mean square error",
    "r2": "R²",
    "baseline_mae": "mean absolute error of the median",
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "log_loss": "log loss",
    "baseline_accuracy": "accuracy of the most frequent class",
}
_WITH_UNIT = ("mae", "rmse", "baseline_mae")


def render_model_card(manifest: ModelManifest) -> str:
    """Return the card in Markdown; the same manifest gives the same text."""
    sections = (
        ("Use", _use(manifest)),
        ("Error on new formulas", _error(manifest)),
        ("Intervals", _intervals(manifest)),
        ("Members", _members(manifest)),
        ("Training", _training(manifest)),
        ("Catalogs", _catalogs(manifest)),
        ("Weights", _weights(manifest)),
        ("Limits", _limits(manifest)),
        ("Made with", _environment(manifest)),
    )
    body = "\n\n".join(f"## {title}\n\n{text}" for title, text in sections if text)
    return f"# A model of {_target(manifest)}\n\n{body}\n"


def _target(manifest: ModelManifest) -> str:
    return one_line(manifest.target) + (f" ({one_line(manifest.unit)})" if manifest.unit else "")


def _use(manifest: ModelManifest) -> str:
    if all(one.head == "mean" for one in manifest.members):
        return "Nothing was learned: it predicts the same for every formula. Fit again, with more time or more rows."
    what = f"Formulas in, {'one of the classes ' + ', '.join(manifest.classes) if manifest.classes else 'numbers'} out."
    given, asked, rows = "", "", '"Fe2O3", "LiFePO4"'
    if manifest.structures is not None:
        what = f"{what} It needs the structure of each row: {described(manifest.structures)}."
        given, asked, rows = " --structures STRUCTURES", ', structures="STRUCTURES"', '("Fe2O3", "mp-19770")'
    return f"""{what}

```sh
embeddings predict FOLDER new.csv{given} -o predicted.csv
```

```python
from embeddings import load_model

model = load_model("FOLDER"{asked})
model.predict([{rows}])
```"""


def _error(manifest: ModelManifest) -> str:
    error = manifest.error
    rows = [
        (_MEASURES.get(name, name), f"{value:.4g}" + (f" {manifest.unit}" if name in _WITH_UNIT else "").rstrip())
        for name, value in error.metrics.items()
    ]
    return (
        f"{_table(('', ''), rows)}\n\nMeasured out of fold on {counted(error.n_rows, 'row')} in "
        f"{counted(error.n_folds, 'fold')}. No formula stands in two folds, and the weights of the stack were chosen "
        "on the other folds. Candidates that did badly were left out on these rows, so expect slightly more; "
        "`embeddings bench` measures it without that."
    )


def _intervals(manifest: ModelManifest) -> str:
    made = manifest.intervals
    if made is None:
        return ""
    if made.factor is None:
        return f"There are too few formulas for intervals of {made.coverage:.0%}: they are infinite."
    measured = "" if made.measured is None else f" Out of fold they held {made.measured:.1%} of the measured values."
    return (
        f"Intervals of {made.coverage:.0%} by conformal prediction, wider where the errors of similar formulas are "
        f"larger.{measured} They hold for formulas of the kind that was learned from."
    )


def _members(manifest: ModelManifest) -> str:
    rows = [
        (f"{one.weight:.2f}", one.head, one.treatment or "none", one.features.replace("+", ", "))
        for one in manifest.members
    ]
    return _table(("weight", "head", "treatment of the values", "features"), rows)


def _training(manifest: ModelManifest) -> str:
    said, search = manifest.training, manifest.search
    budget = "none" if search.budget is None else f"{search.budget:g} s"
    facts = {
        "Rows": f"{said.n_rows:,}" + (f", {said.n_set_aside:,} more could not be used" if said.n_set_aside else ""),
        "Formulas": f"{said.n_formulas:,}",
        "Elements": ", ".join(said.elements),
        "Catalogs tried": ", ".join(search.catalogs) or "none",
        "Heads tried": ", ".join(search.heads),
        "Seed": str(search.seed),
        "Budget": budget + (f"; {counted(search.n_skipped, 'candidate')} left out" if search.n_skipped else ""),
    }
    return _table(("", ""), facts.items())


def _catalogs(manifest: ModelManifest) -> str:
    rows = [(f"{one.name}@{one.version}", f"`{one.sha256}`") for one in manifest.catalogs]
    return _table(("needed to predict", "SHA-256 of its numbers"), rows)


def _weights(manifest: ModelManifest) -> str:
    used = manifest.search.in_context
    if used is None or HEAD not in (one.head for one in manifest.members):
        return ""
    return (
        f"The in-context member needs `tabicl` and its weights to predict. They are no part of this folder: "
        f"`{one_line(used.path)}`, SHA-256 `{used.sha256}`. The training rows, features and values, are in "
        "the member's file: they are its model."
    )


def _limits(manifest: ModelManifest) -> str:
    return (
        f"- Elements that are not among the {len(manifest.training.elements)} above were never seen; `predict` flags "
        "them, and formulas that are farther from the training than its own are from each other.\n"
        "- A composition says nothing of structure, processing or temperature unless the training values did."
    )


def _environment(manifest: ModelManifest) -> str:
    return f"{', '.join(f'{name} {said}' for name, said in manifest.environment.items())}, {manifest.created}."


def _table(header: tuple[str, ...], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ("---",) * len(header), *rows]
    if len(lines) == 2:
        return ""
    return "\n".join("| " + " | ".join(one_line(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)
