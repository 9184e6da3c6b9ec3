"""What makes vectors useful? Builds a catalog by each variant of a recipe, and measures all of them in CGCNN.

Example:
    python -m benchmarks.downstream.ablation --max-sites 24 --epochs 8 --seeds 0,1 \
        --vary vectors=table --vary targets=formation_energy_per_atom+band_gap -o ablation.json
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import click

from benchmarks.crystals import DATA_ENV, MATERIALS_PROJECT
from benchmarks.downstream.cgcnn import COMPARISON
from benchmarks.downstream.comparison import compare
from benchmarks.measure import environment
from benchmarks.variants import varied
from builders.cleaning import Selection
from builders.pipeline import BuildRequest
from builders.pipeline import run as build
from builders.progress import Reporter
from builders.recipes import Recipe, find_recipe
from builders.sources import SourceOptions
from embeddings import load_uae
from embeddings.errors import EmbeddingsError
from embeddings.folders import write_text
from embeddings.manifest import read_manifest
from embeddings.neighbors import neighbor_overlap

N_TRAINING, EPOCHS = 4_000, 25
"""Of the back end."""


@click.command()
@click.option("--recipe", default="ct-multi", show_default=True)
@click.option("--vary", multiple=True, help="field=value,... of one variant; a+b for several values.")
@click.option("--seeds", default="0,1", show_default=True, help="Of the catalog and of the back end, a,b,...")
@click.option("--epochs", default=8, show_default=True, help="Of the catalog's training.")
@click.option("--max-sites", default=24, show_default=True)
@click.option("--path", type=click.Path(path_type=Path), help="Structure table.")
@click.option("--work", type=click.Path(path_type=Path), required=True, help="Folder for catalogs and checkpoints.")
@click.option("-o", "--out", type=click.Path(path_type=Path), required=True, help="JSON file; a run goes on with it.")
def main(
    recipe: str, vary: tuple[str, ...], seeds: str, epochs: int, max_sites: int, path: Path | None, **folders: Path
) -> None:
    """Measure the recipe and each variant of it with every seed."""
    path = path or Path(os.environ.get(DATA_ENV, ".")) / MATERIALS_PROJECT
    base = find_recipe(recipe).with_options(epochs=epochs)
    variants = {"as it is": base} | {text: varied(base, text) for text in vary}
    out, work = folders["out"], folders["work"]
    result = json.loads(out.read_text()) if out.exists() else {"environment": environment(), "rows": []}
    done = {(row["variant"], row["seed"]) for row in result["rows"]}
    try:
        numbers = [int(seed) for seed in seeds.split(",")]
        for seed in numbers:
            for text, variant in variants.items():
                if (text, seed) not in done:
                    rows = measure(replace(variant, seed=seed), path, work, max_sites)
                    result["rows"] += [{"variant": text} | row for row in rows]
                    write_text(out, json.dumps(result, indent=1) + "\n")
        result["neighbor_overlap"] = {
            text: stability([replace(variant, seed=seed) for seed in numbers], path, work, max_sites)
            for text, variant in variants.items()
        }
        write_text(out, json.dumps(result, indent=1) + "\n")
    except EmbeddingsError as error:
        raise click.ClickException(str(error)) from error


def measure(recipe: Recipe, path: Path, work: Path, max_sites: int) -> list[dict[str, Any]]:
    """Build one catalog and return its figures: held-out errors of its own, and those of CGCNN with its vectors."""
    folder = built(recipe, path, work, max_sites)
    own = {target: metric.mae for target, metric in read_manifest(folder).metrics.items()}
    kinds = () if recipe.vectors == "table" else (f"{recipe.name} sites",)
    found = compare(
        COMPARISON,
        quick=False,
        catalog=str(folder),
        path=path,
        only=("atom_init", f"{recipe.name} frozen", *kinds),
        n_training=N_TRAINING,
        epochs=EPOCHS,
        spreads=(),
        seeds=(recipe.seed,),
    )
    keys = ("features", "seed", "n_train", "mae", "r2")
    return [{key: row[key] for key in keys} | {"held_out": own} for row in found["rows"]]


def built(recipe: Recipe, path: Path, work: Path, max_sites: int) -> Path:
    """Return the folder of a recipe's catalog, built if it is not there."""
    request = BuildRequest(
        source="table",
        recipe=recipe,
        out=work / "catalogs",
        work=work,
        options=SourceOptions(path),
        selection=Selection(max_sites=max_sites),
        allow_lost_elements=True,
    )
    return build(request, Reporter())


def stability(recipes: Sequence[Recipe], path: Path, work: Path, max_sites: int) -> float | None:
    """Return the mean share of five nearest neighbours that catalogs of several seeds have in common."""
    catalogs = [load_uae(built(recipe, path, work, max_sites)) for recipe in recipes]
    pairs = [neighbor_overlap(a, b, 5) for a, b in combinations(catalogs, 2)]
    return sum(pairs) / len(pairs) if pairs else None


if __name__ == "__main__":
    main()
