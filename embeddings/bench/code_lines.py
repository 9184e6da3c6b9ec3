"""The lines of code that train and use what was chosen."""

from __future__ import annotations

import shlex

import numpy as np

from embeddings.bench.evidence import Evidence


def code_lines(evidence: Evidence) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the lines that train and use what was chosen: of the shell, and of Python."""
    source, target = _source(evidence), shlex.quote(evidence.data.target)
    plan, is_class = evidence.plan, evidence.data.is_classification
    options = f" --formula {shlex.quote(plan.formula_column)}" * bool(plan.formula_column)
    options += f" --unit {shlex.quote(evidence.data.unit)}" * bool(evidence.data.unit)
    options += "".join(f" --catalog {shlex.quote(name)}" for name in plan.catalogs)
    options += f" --structures {shlex.quote(plan.structures)}" * bool(plan.structures)
    options += f" --id {shlex.quote(plan.id_column)}" * bool(plan.structures and plan.id_column)
    options += f" --in-context-weights {shlex.quote(plan.in_context_weights)}" * bool(plan.in_context_weights)
    options += f" --budget {_seconds(plan.budget)}" if plan.budget else ""
    others = " --structures NEW_STRUCTURES" * bool(plan.structures)
    parameters = f"catalogs={list(plan.catalogs)!r}"
    parameters += f", budget={_seconds(plan.budget)}" if plan.budget else ""
    parameters += f", structures={plan.structures!r}" * bool(plan.structures)
    parameters += f", in_context_weights={plan.in_context_weights!r}" * bool(plan.in_context_weights)
    shell = (
        f"embeddings fit {source} --target {target}{options} -o model/",
        f"embeddings predict model/ NEW.csv{others} -o predicted.csv",
    )
    rows, new = ("formulas_and_ids", "new_ones") if plan.structures else ("formulas", "new_formulas")
    python = (
        "from embeddings import PropertyModel",
        f"model = PropertyModel({parameters}).fit({rows}, values)",
        f"model.{f'predict_proba({new})' if is_class else f'predict({new}, return_interval=True)'}",
    )
    return shell, python


def _seconds(budget: float) -> str:
    return np.format_float_positional(budget, trim="-")


def _source(evidence: Evidence) -> str:
    source = evidence.plan.source
    return shlex.quote("DATA.csv" if source in ("", "-") else source)
