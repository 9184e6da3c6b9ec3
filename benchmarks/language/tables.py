"""Results on parts of the language model as Markdown."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmarks import markdown
from benchmarks.harness import Document
from benchmarks.sets import SETS

ALL, TUNED = "all", "fine-tuned"
"""The variant that the others are compared with; the model that trains a network."""

FROZEN = {"ridge": "ridge", "boosting": "boosting-l1"}
"""Models of frozen vectors -> heads of `embeddings.bench.heads.HEADS`."""

MODELS = (*FROZEN, TUNED)

CLEAR = 0.05

PARTS = {"reads": "reading", "structures": "structures", "labels": "labels"}


def table(result: Document) -> str:
    """Return the table of one set, variants in the order in which they were measured."""
    maes = {(row["variant"], row["model"]): np.array(row["maes"]) for row in result["rows"]}
    clear = {(one["variant"], one["model"]): one["p"] is not None and one["p"] < CLEAR for one in result["pairs"]}
    measured = dict.fromkeys(name for name, _ in maes)
    models = [model for model in MODELS if any(key[1] == model for key in maes)]
    columns = ["variant", *PARTS.values(), "width", "layers", *(f"{model}, {_where(model)}" for model in models)]
    cells = [
        [
            name,
            *("yes" if result["variants"][name][part] else "-" for part in PARTS),
            str(result["variants"][name]["width"]),
            str(result["variants"][name]["n_layers"]),
            *(_cell(maes, (name, model), is_clear=clear.get((name, model), False)) for model in models),
        ]
        for name in measured
    ]
    return f"### {result['name']}\n\n{_about(result, list(measured))}\n\n{markdown.table(columns, cells)}\n"


def _where(model: str) -> str:
    return "fold 0" if model == TUNED else "five folds"


def _cell(maes: dict[tuple[str, str], np.ndarray], key: tuple[str, str], *, is_clear: bool) -> str:
    """Return an error with its spread over folds, and how it differs from that of the whole recipe."""
    ours, theirs = maes.get(key), maes.get((ALL, key[1]))
    if ours is None:
        return "-"
    text = f"{ours.mean():.4g}" if len(ours) == 1 else markdown.mean_and_std(ours.mean(), ours.std())
    if key[0] == ALL or theirs is None:
        return text
    change = f"{ours.mean() / theirs.mean() - 1:+.1%}"
    return f"{text} ({f'**{change}**' if is_clear else change})"


def _about(result: Document, measured: Sequence[str]) -> str:
    settings, order = result["settings"], result["order"]
    source, recipe = settings["source"], settings["recipe"]
    missing = [name for name in result["variants"] if name not in measured]
    sentences = [
        f"{SETS[result['name']].metric}, {settings['n_rows']:,} rows, seed {settings['seed']}",
        f"{recipe['pretraining']['epochs']} epochs of reading {source['read']:,} formulas, then "
        f"{recipe['training']['epochs']} of {source['formulas']:,} formulas with structures and labels; fine-tuning of "
        f"at most {settings['tuning']['epochs']} epochs",
    ]
    sentences += [
        f"{one['encoder']} knows {one['structures']:,} structures of {one['formulas']:,} formulas"
        for one in result.get("teachers", {}).values()
    ]
    if order is not None:
        sentences.append(
            f"As the tokens of each formula are shuffled, no number of a vector changes by more than "
            f"{order['single']:.1g} in single and {order['double']:.1g} in double precision"
        )
    if missing:
        sentences.append(f"Not measured: {'; '.join(missing)}")
    return ". ".join(sentences) + "."
