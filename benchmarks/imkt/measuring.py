"""One task: every contender in every fold, and what they come to row by row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import click
import numpy as np

from benchmarks.bench.problem import chosen_vectors, described
from benchmarks.harness import Request, Row, refuse_other_settings
from benchmarks.imkt.figures import figures_of, paired_p, plain
from benchmarks.imkt.kept import Asked, Predictions
from benchmarks.imkt.models import Contender, Training, contenders
from benchmarks.imkt.scratch import architecture
from benchmarks.imkt.tasks import folds_tested, formulas_tested, quick_task, read_task
from benchmarks.imkt.ways import MODELS, NETWORK_ROWS, rival_of
from benchmarks.sets import TargetSet
from builders.learning.devices import choose_device, device_name
from embeddings.encoder import CompositionEncoder
from embeddings.errors import InputInvalid

QUICK: dict[str, Any] = {
    "encoders": ("cromel-multi",),
    "models": ("elements-ridge", "ridge"),
    "seeds": (0,),
    "work": None,
    "source": "cromel-multi",
    "network_rows": NETWORK_ROWS,
    "device": "cpu",
}
KEYS = ("model", "encoder", "seed", "fold")
"""What a row is of."""


@dataclass(frozen=True)
class Measurement:
    """What is measured, and with what.

    Attributes:
        task: the rows.
        contenders: who predicts them.
        encoders: name -> encoder that takes part.
        source: (n,) which rows have their formula in the whole source of the encoders.
        seeds: of models, and of folds where these are drawn.
        processor: what networks are trained on.
        predictions: that are kept.
    """

    task: TargetSet
    contenders: Sequence[Contender]
    encoders: Mapping[str, CompositionEncoder]
    source: np.ndarray
    seeds: Sequence[int]
    processor: str
    predictions: Predictions

    def asked(self, contender: Contender, seed: int) -> list[Asked]:
        """Return every fold of a contender and a seed."""
        return [Asked(self.task, contender, seed, fold) for fold in folds_tested(self.task)]


def run(request: Request, *, name: str) -> dict[str, Any]:
    """Measure a task; rows of an earlier result are not measured again.

    Args:
        request: of the harness; quick is a made-up task of this name.
        name: a key of `TASKS`.

    Returns:
        ``settings``, ``encoders`` (name -> version, hash, and how many of the tested
        formulas its training saw),
        ``rows`` (one for each contender, seed and fold) and ``pairs`` (of contenders, with the probability that they
        differ by chance).

    Raises:
        InputInvalid: the data are not there, or the earlier result was measured with other settings or encoders.
        CatalogNotFound: no encoder goes by a name.
    """
    if request.quick:
        request = replace(request, choices=QUICK)
    chosen = request.choices
    task = quick_task(name) if request.quick else read_task(request.data, name)
    encoders = _encoders(chosen["encoders"])
    source = chosen_vectors((chosen["source"],))
    settings = {
        "n_rows": len(task.values),
        "n_tested_formulas": len(formulas_tested(task)),
        "n_unreadable": task.n_unreadable,
        "n_folds": len(folds_tested(task)),
        "source": described(source)[0],
        "network_rows": chosen["network_rows"],
    }
    measurement = Measurement(
        task,
        list(contenders(chosen["models"] or (), encoders, Training(chosen["network_rows"], chosen["device"]))),
        encoders,
        _seen(task, next(iter(source.values()))),
        chosen["seeds"] or task.seeds,
        device_name(choose_device(chosen["device"])),
        Predictions(chosen["work"]),
    )
    return _measured(measurement, request, settings)


def _measured(measurement: Measurement, request: Request, settings: dict[str, Any]) -> dict[str, Any]:
    """Return the result of a task, with the rows and pairs of an earlier one."""
    known = request.known or {"settings": settings, "encoders": {}, "rows": [], "pairs": []}
    refuse_other_settings(known, settings)
    described_now = _described(measurement)
    there = {name: known["encoders"][name] for name in described_now if name in known["encoders"]}
    refuse_other_settings({"settings": there}, {name: described_now[name] for name in there})
    rows: list[Row] = list(known["rows"])
    result = {
        "settings": settings,
        "encoders": known["encoders"] | described_now,
        "rows": rows,
        "pairs": list(known["pairs"]),
    }
    done = {_key(row) for row in rows}
    for contender in measurement.contenders:
        added = [row for seed in measurement.seeds for row in _rows(measurement, contender, seed, done)]
        if added:
            rows += added
            request.keep(result)
            _say(measurement.task.name, contender, added)
    rows.sort(key=lambda row: tuple(map(str, _key(row))))
    result["pairs"] = _merged(known["pairs"], _pairs(measurement))
    return result


def _encoders(names: Sequence[str]) -> dict[str, CompositionEncoder]:
    found = chosen_vectors(names)
    odd = [name for name, one in found.items() if not isinstance(one, CompositionEncoder)]
    if odd:
        raise InputInvalid(f"{', '.join(odd)}: no encoder of compositions. Name encoders with --encoders.")
    return {name: one for name, one in found.items() if isinstance(one, CompositionEncoder)}


def _described(measurement: Measurement) -> dict[str, dict[str, Any]]:
    """Return of each encoder what it is, and how many of the tested formulas its training saw."""
    formulas = formulas_tested(measurement.task)
    return {
        one["name"]: {
            **one,
            "architecture": architecture(measurement.encoders[one["name"]]),
            "n_saw": len(measurement.encoders[one["name"]].overlap(formulas)),
        }
        for one in described(measurement.encoders)
    }


def _seen(task: TargetSet, source: Any) -> np.ndarray:
    """Return which rows have their formula in the training of an encoder, (n,) bool."""
    return np.isin(task.groups, source.overlap(np.unique(task.groups).tolist()))


def _rows(measurement: Measurement, contender: Contender, seed: int, done: set[tuple[Any, ...]]) -> list[Row]:
    """Return the rows of a contender and a seed that are not done."""
    task, rows = measurement.task, []
    for asked in measurement.asked(contender, seed):
        row = {"model": contender.model, "encoder": contender.encoder, "seed": seed, "fold": int(asked.fold)}
        if _key(row) not in done:
            predicted, seconds = measurement.predictions.make(asked)
            errors = np.abs(predicted - task.values[asked.tested])
            row |= figures_of(errors, task.groups, asked.tested, measurement.source)
            spent: Row = {"seconds": round(seconds, 1)}
            if MODELS[contender.model].is_network and measurement.processor != "cpu":
                spent["processor"] = measurement.processor
            rows.append(row | spent)
    return rows


def _pairs(measurement: Measurement) -> list[dict[str, Any]]:
    """Return each contender beside its rival without transfer and beside its like with another encoder."""
    architectures = {name: architecture(one) for name, one in measurement.encoders.items()}
    errors = {(one.model, one.encoder): _errors(measurement, one) for one in measurement.contenders}
    found = []
    for (model, encoder), ours in errors.items():
        rival = rival_of(model, encoder, architectures)
        likes = [key for key in errors if rival and key[0] == model and key[1] != encoder]
        for other in [rival, *likes] if rival else []:
            theirs = errors.get(other)
            if ours is not None and theirs is not None:
                groups = [_groups(measurement, fold) for fold in folds_tested(measurement.task)]
                p = paired_p(ours, theirs, groups, len(measurement.task.values))
                head = {"model": model, "encoder": encoder, "other_model": other[0], "other_encoder": other[1]}
                found.append(head | {"p": plain(p)})
    return found


def _errors(measurement: Measurement, contender: Contender) -> list[np.ndarray] | None:
    """Return the absolute errors of each fold, mean over seeds; None where a prediction is not kept.

    Folds that are drawn differ from seed to seed: of these the first alone counts.
    """
    seeds = measurement.seeds if measurement.task.official is not None else measurement.seeds[:1]
    by_seed = []
    for seed in seeds:
        asked = measurement.asked(contender, seed)
        made = [measurement.predictions.find(one) for one in asked]
        if any(one is None for one in made):
            return None
        by_seed.append([np.abs(one - measurement.task.values[of.tested]) for one, of in zip(made, asked, strict=True)])
    return [np.mean(of_fold, axis=0) for of_fold in zip(*by_seed, strict=True)]


def _groups(measurement: Measurement, fold: int) -> np.ndarray:
    return measurement.task.groups[measurement.task.folds(measurement.seeds[0]) == fold]


def _merged(known: Sequence[Row], found: Sequence[Row]) -> list[Row]:
    """Return all pairs, those that were found now in place of earlier ones."""
    names = ("model", "encoder", "other_model", "other_encoder")
    both = {tuple(one[name] for name in names): one for one in (*known, *found)}
    return [both[key] for key in sorted(both)]


def _key(row: Row) -> tuple[Any, ...]:
    return tuple(row[name] for name in KEYS)


def _say(task: str, contender: Contender, rows: Sequence[Row]) -> None:
    mean, spent = np.mean([row["mae"] for row in rows]), sum(row["seconds"] for row in rows)
    click.echo(f"{task}, {contender.model}, {contender.encoder}: {mean:.4g}, {spent:.0f} s", err=True)
