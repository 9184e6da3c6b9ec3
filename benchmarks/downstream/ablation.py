"""What makes vectors useful? Builds a catalog by each variant of a recipe, and measures all of them in CGCNN.

Example:
    python -m benchmarks.downstream.ablation --max-sites 24 --epochs 8 --seeds 0,1 \
        --vary vectors=table --vary targets=formation_energy_per_atom+band_gap --work /tmp/ablation
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, product
from pathlib import Path
from typing import Any

import click

from benchmarks import markdown
from benchmarks.data import MATERIALS_PROJECT, crystal_recipe
from benchmarks.downstream import SUITE
from benchmarks.downstream.cgcnn import COMPARISON
from benchmarks.downstream.comparison import compare
from benchmarks.harness import Case, Request, Store, measure
from benchmarks.options import DATA_ENV, numbers, one_line_errors
from benchmarks.variants import varied
from builders.methods.crystal_transformer.recipes import CrystalTransformerRecipe as Recipe
from builders.pipeline import BuildRequest
from builders.pipeline import run as build
from builders.progress import Reporter
from builders.sources import SourceOptions
from builders.structures.cleaning import Selection
from embeddings import load_uae
from embeddings.analysis.alignment import align
from embeddings.search.agreement import neighbor_overlap
from embeddings.store.manifest import read_manifest
from embeddings.store.tables import ENCODER, write_catalog

TITLE = "Variants of a recipe, measured in CGCNN"

N_TRAINING, EPOCHS = 4_000, 25
"""Of the back end."""

BASE, AVERAGE = "as it is", "as it is, mean over seeds"
"""The recipe without a change, and the average of its vectors, each seed turned onto the first."""

KEPT = ("features", "n_train", "mae", "r2")
"""What is kept of a row of the back end."""


@dataclass(frozen=True)
class Ablation:
    """Variants of a recipe, each built and measured with every seed.

    Attributes:
        variants: what is changed -> recipe; `BASE` is the recipe itself.
        seeds: of the catalogs and of the back end.
        path: structure table.
        work: folder for catalogs and checkpoints.
        max_sites: larger cells are left out of the training.
    """

    variants: Mapping[str, Recipe]
    seeds: Sequence[int]
    path: Path
    work: Path
    max_sites: int

    def run(self, request: Request) -> dict[str, Any]:
        """Return ``rows``, with the errors of each variant and seed, and ``neighbor_overlap``: how alike the seeds are.

        Raises:
            EmbeddingsError: a catalog cannot be built or measured.
        """
        rows = request.rows
        done = {(row["variant"], row["seed"]) for row in rows}
        for seed, variant in product(self.seeds, self.variants):
            if (variant, seed) not in done:
                folder = self.catalog(variant, seed)
                rows += self._measured(folder, variant, seed)
                request.keep({"rows": rows})
        catalogs = {variant: [self.catalog(variant, seed) for seed in self.seeds] for variant in self.variants}
        if (AVERAGE, self.seeds[0]) not in done:
            rows += self._measured(averaged(catalogs[BASE], self.work), AVERAGE, self.seeds[0])
        return {"rows": rows, "neighbor_overlap": {name: stability(folders) for name, folders in catalogs.items()}}

    def catalog(self, variant: str, seed: int) -> Path:
        """Return the folder of a variant's catalog, built if it is not there."""
        recipe = replace(self.variants[variant], seed=seed, split_seed=0)
        return built(recipe, self.path, self.work, self.max_sites)

    def _measured(self, folder: Path, variant: str, seed: int) -> list[dict[str, Any]]:
        found = figures_of(folder, seed, self.path, is_base=variant == BASE)
        return [{"variant": variant, "seed": seed} | row for row in found]


@click.command()
@click.option("--recipe", default="ct-multi", show_default=True)
@click.option("--vary", multiple=True, help="field=value,... of one variant; a+b for several values.")
@click.option("--seeds", type=numbers(int), default="0,1", show_default=True, help="Of catalogs and back end, a,b,...")
@click.option("--epochs", default=8, show_default=True, help="Of the catalog's training.")
@click.option("--max-sites", default=24, show_default=True)
@click.option("--path", type=click.Path(path_type=Path), help="Structure table.  [default: of the development data]")
@click.option("--work", type=click.Path(path_type=Path), required=True, help="Folder for catalogs and checkpoints.")
@click.option("--out", type=click.Path(path_type=Path), default=SUITE.results, help="Folder for the results.")
@one_line_errors()
def main(recipe: str, vary: tuple[str, ...], epochs: int, path: Path | None, out: Path, **options: Any) -> None:
    """Measure the recipe and each variant of it with every seed; a run that was stopped goes on where it stood."""
    base = crystal_recipe(recipe).with_options(epochs=epochs)
    variants = {BASE: base} | {text: varied(base, text) for text in vary}
    crystals = path or Path(os.environ.get(DATA_ENV, ".")) / MATERIALS_PROJECT
    case = Case("ablation", TITLE, Ablation(variants, path=crystals, **options).run)
    document = measure(case, Store(out), quick=False)
    cells = [[row["variant"], str(row["seed"]), row["features"], f"{row['mae']:.4g}"] for row in document["rows"]]
    click.echo(markdown.table(["variant", "seed", "features", "MAE"], cells))


def figures_of(folder: Path, seed: int, path: Path, *, is_base: bool = False) -> list[dict[str, Any]]:
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
        replace(COMPARISON, file_name=path.name),
        Request(quick=False, data=path.parent),
        catalog=str(folder),
        only=kinds,
        n_training=N_TRAINING,
        epochs=EPOCHS,
        spreads=(),
        seeds=(seed,),
    )
    own = {target: metric.mae for target, metric in manifest.metrics.items()}
    return [{key: row[key] for key in KEPT} | {"held_out": own} for row in found["rows"]]


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
    """Return the mean share of five nearest neighbors that catalogs of several seeds have in common."""
    pairs = [neighbor_overlap(a, b, 5) for a, b in combinations(map(load_uae, folders), 2)]
    return sum(pairs) / len(pairs) if pairs else None


if __name__ == "__main__":
    main()
