"""Does a change to a recipe help? Trains variants on the same split and compares their held-out errors.

Example:
    python -m benchmarks.variants --path structures.parquet --recipe ct-multi --limit 20000 --epochs 6 \
        --vary training.batch_size=64 --vary model.depth=4 --seeds 0,1
"""

from __future__ import annotations

import dataclasses
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import click

from benchmarks import markdown
from benchmarks.data import crystal_recipe
from benchmarks.options import numbers, one_line_errors
from builders.learning.devices import choose_device
from builders.learning.material import prepare
from builders.methods.base import Run
from builders.methods.crystal_transformer.method import assemble
from builders.methods.crystal_transformer.recipes import CrystalTransformerRecipe as Recipe
from builders.methods.crystal_transformer.training import train
from builders.progress import Reporter
from builders.snapshots.snapshot import take_snapshot
from builders.sources import SourceOptions, find_source
from builders.structures.cleaning import Selection
from embeddings.errors import InputInvalid

KINDS = {"balance": str, "hidden_atoms": float}
"""Types of fields that are not set by default."""


@click.command()
@click.option("--path", type=click.Path(path_type=Path), help="Structure table; the starter set if left out.")
@click.option("--recipe", default="starter", show_default=True)
@click.option("--limit", type=int)
@click.option("--epochs", type=int)
@click.option("--vary", multiple=True, help="field=value,... of one variant, such as training.batch_size=64.")
@click.option(
    "--seeds", type=numbers(int), default="0", show_default=True, help="Of the initial weights and the batches, a,b,..."
)
@click.option("--device", default="auto", show_default=True)
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write the results here.")
@one_line_errors()
def main(path: Path | None, recipe: str, limit: int | None, epochs: int | None, **options: Any) -> None:
    """Train the recipe and each variant of it; print the mean and spread of the validation MAE over seeds."""
    base = crystal_recipe(recipe).with_options(epochs=epochs)
    source = "table" if path else "starter"
    variants = {"as it is": base} | {text: varied(base, text) for text in options["vary"]}
    with tempfile.TemporaryDirectory() as work:
        stream = find_source(source)(SourceOptions(path))
        snapshot = take_snapshot(Path(work) / "snapshot", source, stream, Selection(limit=limit), Reporter())
        results = {}
        for text, variant in variants.items():
            results[text] = [
                _validate(snapshot, variant, seed, Path(work), options["device"]) for seed in options["seeds"]
            ]
            click.echo(_line(text, results[text]))
    if options["json_path"]:
        options["json_path"].write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def varied(recipe: Recipe, text: str) -> Recipe:
    """Return the recipe with ``field=value,...`` changed; a dot reaches into model and training, a+b gives a tuple.

    Raises:
        InputInvalid: there is no such field, or the value does not fit it.
    """
    for assignment in text.split(","):
        name, _, value = assignment.partition("=")
        part, _, field = name.rpartition(".")
        owner = getattr(recipe, part, None) if part else recipe
        if not hasattr(owner, field):
            raise InputInvalid(f"The recipe {recipe.name} has no field {name}. Try model.dim=32 or vectors=table.")
        kind = KINDS.get(field) or type(getattr(owner, field))
        try:
            changed = dataclasses.replace(owner, **{field: tuple(value.split("+")) if kind is tuple else kind(value)})
        except ValueError as error:
            raise InputInvalid(f'The field {name} takes {kind.__name__} values, not "{value}".') from error
        recipe = dataclasses.replace(recipe, **{part: changed}) if part else changed
    return recipe


def _validate(snapshot: Any, recipe: Recipe, seed: int, work: Path, device: str) -> dict[str, float]:
    """Train with the split of the recipe's own seed and the weights of this one; return MAE by target, and seconds."""
    material = prepare(snapshot, recipe, Reporter(quiet=True))
    lessons = assemble(material, dataclasses.replace(recipe, seed=seed), Reporter(quiet=True))
    model, task = lessons.model, lessons.task
    checkpoint = work / f"{time.monotonic_ns()}.pt"
    started = time.monotonic()
    run = Run(str(checkpoint), seed, choose_device(device), checkpoint, Reporter(quiet=True))
    scores, _ = train(model, task, recipe.training, run)
    return {name: result.mae for name, result in scores.items()} | {"seconds": time.monotonic() - started}


def _line(text: str, results: list[dict[str, float]]) -> str:
    columns = (f"{name} {markdown.spread([result[name] for result in results])}" for name in results[0])
    return f"{text}: " + ", ".join(columns)


if __name__ == "__main__":
    main()
