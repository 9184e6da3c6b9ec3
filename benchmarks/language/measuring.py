"""One set: every variant under every model, fold by fold, and what they come to beside the whole recipe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import numpy as np
import torch

from benchmarks.cross_modal.plan import SCRATCH_RATE
from benchmarks.cross_modal.quick import quick_plan
from benchmarks.harness import Request, Row, refuse_other_settings
from benchmarks.imkt.figures import paired_p, plain
from benchmarks.imkt.kept import Asked, Predictions
from benchmarks.imkt.models import DRAFT, Contender
from benchmarks.language import NAMES
from benchmarks.language.order import largest_changes
from benchmarks.language.source import Sizes, Source, drawn, read_source
from benchmarks.language.tables import ALL, FROZEN, MODELS, TUNED
from benchmarks.language.teaching import Further, further_teachers
from benchmarks.language.variants import Variant, budgeted, chosen_variants, variants_of
from benchmarks.sets import N_FOLDS, TargetSet, read_set
from builders.learning.compositions import pack
from builders.learning.encoders import FormulaEncoder
from builders.learning.lessons import Lessons
from builders.methods import find_recipe
from builders.methods.language.config import LanguageConfig
from builders.methods.language.model import LanguageModel
from builders.methods.language.recipes import LanguageRecipe
from builders.methods.language.training import train_language
from builders.runs.identity import identity_of
from embeddings.bench.heads import HEADS
from embeddings.errors import InputInvalid, did_you_mean
from embeddings.estimators import CrossModalRegressor
from embeddings.store.folders import atomic_file

TUNING: dict[str, Any] = {"mode": "finetuned", "n_members": 1, "n_folds": 3, "missing": "impute"}
"""Parameters of `CrossModalRegressor`."""

SMALLER: dict[str, dict[str, Any]] = {"boosting": DRAFT}
"""Parameters that make a head cheaper than that of the bench: variants are compared, and no record is set."""

QUICK: dict[str, Any] = {
    "variants": (ALL, "random weights", "reading", "reading and labels", f"{ALL}: OQMD is read", f"{ALL}: one layer"),
    "models": ("ridge", TUNED),
    "reading_epochs": 1,
    "training_epochs": 4,
    "tuning_epochs": 1,
    "seed": 0,
}


@dataclass(frozen=True)
class Bench:
    """What is measured, and with what.

    Attributes:
        task: the set.
        source: what all variants learn from.
        folder: that keeps weights and predictions.
        seed: of heads, and of folds where they are drawn.
        tuning: parameters of `CrossModalRegressor`.
        further: teachers that the recipe does not name, by name.
    """

    task: TargetSet
    source: Source
    folder: Path
    seed: int
    tuning: dict[str, Any]
    further: Mapping[str, Further] = field(default_factory=dict)

    @cached_property
    def predictions(self) -> Predictions:
        """Those that are kept."""
        return Predictions(self.folder)

    def contender(self, variant: Variant, model: str) -> Contender:
        """Return what predicts with the encoder of a variant, which is trained once it is needed."""
        settings, seed = self._settings(variant, model), variant.recipe.seed
        identity = identity_of(*self._makes(variant), model, settings, seed)

        def predict(task: TargetSet, tested: np.ndarray, _: int) -> np.ndarray:
            encoder, known = self.encoder(variant), ~tested
            if model == TUNED:
                learner, columns = CrossModalRegressor(encoder, random_state=seed, **settings), task.formulas
            else:
                columns = encoder.encode(task.formulas.tolist(), missing="impute").astype(float)
                learner = HEADS[FROZEN[model]].regressor(seed, int(known.sum())).set_params(**settings)
            return learner.fit(columns[known], task.values[known]).predict(columns[tested])

        return Contender(model, "", identity[:16], predict)

    def asked(self, variant: Variant, model: str) -> list[Asked]:
        """Return every fold that a model is tested on: the first alone where it trains a network."""
        folds = (0,) if model == TUNED else range(N_FOLDS)
        contender = self.contender(variant, model)
        return [Asked(self.task, contender, self.seed, fold) for fold in folds]

    def errors(self, variant: Variant, model: str) -> list[np.ndarray] | None:
        """Return the absolute errors of each fold; None where a prediction is not kept."""
        asked = self.asked(variant, model)
        made = [self.predictions.find(one) for one in asked]
        if any(one is None for one in made):
            return None
        return [np.abs(one - self.task.values[of.tested]) for one, of in zip(made, asked, strict=True)]

    def encoder(self, variant: Variant) -> FormulaEncoder:
        """Return the encoder of a variant, trained if it is not kept.

        All variants have vectors for the elements of the lessons, whether they learned from these or not.
        """
        path = self.folder / f"weights-{identity_of(*self._makes(variant))[:16]}.npz"
        if not path.exists():
            weights = self._trained(variant, path.stem)
            with atomic_file(path) as temporary, temporary.open("wb") as file:
                np.savez(file, **{name: values.numpy() for name, values in weights.items()})
        with torch.random.fork_rng():
            model = LanguageModel(variant.recipe.model)
        with np.load(path) as arrays:
            model.load_state_dict({name: torch.from_numpy(values) for name, values in arrays.items()})
        return FormulaEncoder(model, self._elements)

    def _trained(self, variant: Variant, name: str) -> dict[str, torch.Tensor]:
        """Return the weights of a variant, trained now; those that read the same in the same way read once."""
        recipe = variant.recipe
        reading = identity_of(
            self.source.identity, asdict(recipe.model), asdict(recipe.pretraining), recipe.seed, variant.enumerated
        )
        folder = self.folder / f"reading-{reading[:16]}"
        folder.mkdir(parents=True, exist_ok=True)
        corpus = self.source.enumerated if variant.enumerated else self.source.corpus
        checkpoint = folder / f"{name}.pt"
        trained = train_language(self._lessons(variant), recipe, corpus=corpus, checkpoint=checkpoint, run=reading)
        return trained.model.generator.state_dict()

    def _lessons(self, variant: Variant) -> Lessons:
        """Return what a variant learns from: other vectors of structures where another teacher gives them."""
        lessons = self.source.lessons
        if variant.further is None:
            return lessons
        vectors = self.further[variant.further].vectors
        if not variant.is_beside:
            return replace(lessons, vectors=vectors)
        both = (lessons.vectors, vectors)
        return replace(lessons, vectors=np.hstack(both), widths=tuple(one.shape[1] for one in both))

    @cached_property
    def _elements(self) -> np.ndarray:
        numbers = np.unique(pack(self.source.lessons.formulas.tolist()).atomic_numbers.numpy())
        return numbers[numbers > 0]

    def _makes(self, variant: Variant) -> tuple[Any, ...]:
        taught_by = () if variant.further is None else (self.further[variant.further].sha256, variant.is_beside)
        return self.source.identity, variant.recipe.to_dict(), variant.enumerated, *taught_by

    def _settings(self, variant: Variant, model: str) -> dict[str, Any]:
        """Return parameters of a model; random weights move faster, as they have farther to go."""
        if model != TUNED:
            return SMALLER.get(model, {})
        return self.tuning | ({} if variant.is_taught else {"encoder_learning_rate": SCRATCH_RATE})


def run(request: Request, *, name: str) -> dict[str, Any]:
    """Measure every variant on a set.

    Args:
        request: of the harness; quick is a made-up set of this name.
        name: of the set.

    Returns:
        ``settings``, ``source``, ``variants`` (name -> what takes part), ``teachers`` (those that the recipe does not
        name, and what they know), ``rows`` (one for each variant and model), ``pairs`` (the probability that a variant
        differs from the whole recipe by chance) and ``order`` (how much the vectors change with the order of elements).

    Raises:
        InputInvalid: the data are not there, there is no such variant or model, or the earlier result was measured with
            other settings.
    """
    if request.quick:
        with TemporaryDirectory() as folder:
            return measure(*_quick(name, Path(folder)), replace(request, choices=QUICK))
    chosen = request.choices
    recipe = find_recipe("imkt-multi")
    if not isinstance(recipe, LanguageRecipe):
        raise InputInvalid(f'"{recipe.name}" is a recipe of {recipe.method}.')
    sizes = Sizes(*(chosen[key] for key in ("n_formulas", "n_corpus", "max_sites", "seed")))
    tasks = {one: read_set(request.data, one) for one in NAMES}
    excluded = [formula for one in tasks.values() for formula in one.groups.tolist()]
    source = read_source(request.data, chosen["work"], recipe, sizes, excluded=excluded)
    crystals = partial(drawn, request.data, recipe, sizes, excluded=sorted(set(excluded)))
    further = further_teachers(source, crystals, recipe.temperature, chosen["work"], file=chosen["teacher"])
    tuning = TUNING | {"epochs": chosen["tuning_epochs"]}
    return measure(Bench(tasks[name], source, chosen["work"], chosen["seed"], tuning, further), recipe, request)


def measure(bench: Bench, recipe: LanguageRecipe, request: Request) -> dict[str, Any]:
    """Return the result of one set; rows of an earlier result are not measured again."""
    chosen, known = request.choices, request.known or {"rows": [], "variants": {}, "pairs": [], "order": None}
    models = _checked(chosen["models"])
    base = budgeted(recipe, reading=chosen["reading_epochs"], training=chosen["training_epochs"], seed=chosen["seed"])
    everything = variants_of(base, bench.further)
    variants = chosen_variants(everything, chosen["variants"] or ())
    settings = {
        "recipe": base.to_dict(),
        "seed": bench.seed,
        "tuning": bench.tuning | {"rate of random weights": SCRATCH_RATE},
        "heads": {model: {"head": head} | SMALLER.get(model, {}) for model, head in FROZEN.items()},
        "source": bench.source.about,
        "n_rows": len(bench.task.values),
    }
    refuse_other_settings(request.known, settings)
    rows: list[Row] = list(known["rows"])
    teachers = known.get("teachers", {})
    result = {
        "settings": settings,
        "variants": known["variants"] | {name: one.about for name, one in everything.items()},
        "teachers": teachers,
        "rows": rows,
        "pairs": [],
        "order": known["order"],
    }
    done = {(row["variant"], row["model"]) for row in rows}
    for name, variant in variants.items():
        if variant.further is not None:
            teachers[variant.further] = bench.further[variant.further].about
        for model in (one for one in models if (name, one) not in done):
            rows.append({"variant": name, "model": model, "maes": _maes(bench, variant, model)})
            click.echo(f"{bench.task.name}, {name}, {model}: {np.mean(rows[-1]['maes']):.4g}", err=True)
            request.keep(result)
    result["order"] = result["order"] or largest_changes(bench.encoder(everything[ALL]), bench.task.formulas.tolist())
    others = [one for one in known["pairs"] if one["variant"] not in everything]
    ours = [row for row in rows if row["variant"] in everything and row["variant"] != ALL]
    result["pairs"] = [*(_pair(bench, everything, row) for row in ours), *others]
    return result


def _maes(bench: Bench, variant: Variant, model: str) -> list[float | None]:
    """Return the mean absolute error of each fold."""
    found = []
    for asked in bench.asked(variant, model):
        predicted, _ = bench.predictions.make(asked)
        found.append(plain(np.abs(predicted - bench.task.values[asked.tested]).mean()))
    return found


def _pair(bench: Bench, variants: dict[str, Variant], row: Row) -> Row:
    """Return a row's variant beside the whole recipe, with the probability that they differ by chance."""
    ours, theirs = (bench.errors(variants[name], row["model"]) for name in (row["variant"], ALL))
    p = None
    if ours is not None and theirs is not None:
        folds = bench.task.folds(bench.seed)
        groups = [bench.task.groups[folds == fold] for fold in range(len(ours))]
        p = plain(paired_p(ours, theirs, groups, len(folds)))
    return {"variant": row["variant"], "model": row["model"], "p": p}


def _checked(models: Sequence[str]) -> tuple[str, ...]:
    unknown = next((name for name in models if name not in MODELS), None)
    if unknown is not None:
        raise InputInvalid(f'No model "{unknown}".{did_you_mean(unknown, MODELS)} There are: {", ".join(MODELS)}.')
    return tuple(models)


def _quick(name: str, folder: Path) -> tuple[Bench, LanguageRecipe]:
    """Return a made-up set, a source of a few hundred formulas, and a tiny recipe."""
    plan = quick_plan(folder, name)
    lessons = plan.workshop.lessons
    recipe = find_recipe("imkt-multi")
    if not isinstance(recipe, LanguageRecipe):
        raise InputInvalid(f'"{recipe.name}" is a recipe of {recipe.method}.')
    small = LanguageConfig(width=8, n_layers=2, n_heads=2, feed_forward=16)
    source = Source(
        lessons.without(plan.tasks[name].groups.tolist()), lessons.formulas[::2], lessons.formulas[1::2], "made up"
    )
    tuning = TUNING | {"epochs": QUICK["tuning_epochs"], "n_folds": 2, "n_repeats": 1}
    bench = Bench(plan.tasks[name], source, folder, QUICK["seed"], tuning)
    return bench, replace(recipe, targets=lessons.targets, model=small)
