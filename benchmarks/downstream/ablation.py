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
from benchmarks.options import numbers
from benchmarks.variants import varied
from builders.methods.crystal_transformer.recipes import Recipe, find_recipe
from builders.pipeline import BuildRequest
from builders.pipeline import run as build
from builders.progress import Reporter
from builders.sources import SourceOptions
from builders.structures.cleaning import Selection
from embeddings import load_uae
from embeddings.analysis.alignment import align
from embeddings.errors import EmbeddingsError
from embeddings.search.neighbors import neighbor_overlap
from embeddings.store.folders import write_text
from embeddings.store.manifest import read_manifest
from embeddings.store.tables import ENCODER, write_catalog

N_TRAINING, EPOCHS = 4_000, 25
"""Of the back end."""

BASE, AVERAGE = "as it is", "as it is, mean over seeds"
"""The recipe without a change, and the average of its vectors, each seed turned onto the first."""


@click.command()
@click.option("--recipe", default="ct-multi", show_default=True)
@click.option("--vary", multiple=True, help="field=value,... of one variant; a+b for several values.")
@click.option(
    "--seeds", type=numbers(int), default="0,1", show_default=True, help="Of the catalog and of the back end, a,b,..."
)
@click.option("--epochs", default=8, show_default=True, help="Of the catalog's training.")
@click.option("--max-sites", default=24, show_default=True)
@click.option("--path", type=click.Path(path_type=Path), help="Structure table.")
@click.option("--work", type=click.Path(path_type=Path), required=True, help="Folder for catalogs and checkpoints.")
@click.option("-o", "--out", type=click.Path(path_type=Path), required=True, help="JSON file; a run goes on with it.")
def main(
    recipe: str,
    vary: tuple[str, ...],
    seeds: tuple[int, ...],
    epochs: int,
    max_sites: int,
    path: Path | None,
    **folders: Path,
) -> None:
    """Measure the recipe and each variant of it with every seed."""
    path = path or Path(os.environ.get(DATA_ENV, ".")) / MATERIALS_PROJECT
    base = find_recipe(recipe).with_options(epochs=epochs)
    variants = {BASE: base} | {text: varied(base, text) for text in vary}
    out, work = folders["out"], folders["work"]
    result = json.loads(out.read_text(encoding="utf-8")) if out.exists() else {"environment": environment(), "rows": []}

    def keep(text: str, seed: int, rows: list[dict[str, Any]]) -> None:
        result["rows"] += [{"variant": text, "seed": seed} | row for row in rows]
        write_text(out, json.dumps(result, indent=1) + "\n")

    try:
        done = {(row["variant"], row["seed"]) for row in result["rows"]}
        for seed in seeds:
            for text, variant in variants.items():
                if (text, seed) not in done:
                    folder = built(replace(variant, seed=seed, split_seed=0), path, work, max_sites)
                    keep(text, seed, measure(folder, seed, path, is_base=variant is base))
        catalogs = {
            text: [built(replace(variant, seed=seed, split_seed=0), path, work, max_sites) for seed in seeds]
            for text, variant in variants.items()
        }
        if (AVERAGE, seeds[0]) not in done:
            keep(AVERAGE, seeds[0], measure(averaged(catalogs[BASE], work), seeds[0], path))
        result["neighbor_overlap"] = {text: stability(folders) for text, folders in catalogs.items()}
        write_text(out, json.dumps(result, indent=1) + "\n")
    except EmbeddingsError as error:
        raise click.ClickException(str(error)) from error


def measure(folder: Path, seed: int, path: Path, *, is_base: bool = False) -> list[dict[str, Any]]:
    """Return the figures of one catalog: held-out errors of its own, and those of CGCNN with its vectors.

    Args:
        folder: of the catalog version.
        seed: of the back end.
        path: structure table.
        is_base: whether to measure the back end's own features, too.
    """
    manifest = read_manifest(folder)
    kinds = [f"{manifest.name} frozen"] + ["atom_init"] * is_base
    if (folder / ENCODER).exists() and manifest.model.hyperparameters["vectors"] == "context":
        kinds.append(f"{manifest.name} sites")
    found = compare(
        COMPARISON,
        quick=False,
        catalog=str(folder),
        path=path,
        only=kinds,
        n_training=N_TRAINING,
        epochs=EPOCHS,
        spreads=(),
        seeds=(seed,),
    )
    own = {target: metric.mae for target, metric in manifest.metrics.items()}
    keys = ("features", "n_train", "mae", "r2")
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


def averaged(folders: Sequence[Path], work: Path) -> Path:
    """Write the mean of the vectors of several seeds, each turned onto the first, as a catalog; return its folder."""
    catalogs = [load_uae(folder) for folder in folders]
    table = catalogs[0].table
    vectors = align([catalog.vectors for catalog in catalogs]).mean(axis=0).astype("float32")
    return write_catalog(
        work / "averages", catalogs[0].manifest.provenance, replace(table, vectors=vectors), force=True
    )


def stability(folders: Sequence[Path]) -> float | None:
    """Return the mean share of five nearest neighbours that catalogs of several seeds have in common."""
    pairs = [neighbor_overlap(a, b, 5) for a, b in combinations(map(load_uae, folders), 2)]
    return sum(pairs) / len(pairs) if pairs else None


if __name__ == "__main__":
    main()
