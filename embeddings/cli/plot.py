"""The plot command: a catalog in, a picture out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import click
import numpy as np
from click.core import ParameterSource

from embeddings.catalog import ElementCatalog
from embeddings.cli.guard import guard
from embeddings.cli.printing import echo
from embeddings.cli.types import SEED
from embeddings.errors import InputInvalid
from embeddings.loaders import load_uae
from embeddings.plots.figure import Figure
from embeddings.plots.style import Style
from embeddings.store.outputs import Output
from embeddings.vectors.names import ENDING, is_vectors, place_of


def _ptable(catalog: ElementCatalog, style: Style, *, color: str | None, **options: Any) -> Figure:
    from embeddings.plots import periodic_table

    return periodic_table(catalog, color=_coloring(catalog, color or "cluster", **options), **style)


def _map(catalog: ElementCatalog, style: Style, *, color: str | None, method: Any, dims: str, **options: Any) -> Figure:
    from embeddings.plots import embedding_map

    by = _coloring(catalog, color or "block", **options)
    return embedding_map(catalog, method, dims=int(dims), color=by, seed=options["seed"], **style)


def _heatmap(catalog: ElementCatalog, style: Style, *, order: Any) -> Figure:
    from embeddings.plots import similarity_heatmap

    return similarity_heatmap(catalog, order=order, **style)


def _dendrogram(catalog: ElementCatalog, style: Style, *, clusters: int | Literal["auto"]) -> Figure:
    from embeddings.plots import dendrogram

    return dendrogram(catalog, k=clusters, **style)


def _elbow(catalog: ElementCatalog, style: Style, *, clustering: Any, seed: int) -> Figure:
    from embeddings.analysis import cluster
    from embeddings.plots import elbow_and_silhouette

    return elbow_and_silhouette(cluster(catalog, clustering, seed=seed), **style)


def _coloring(catalog: ElementCatalog, color: str, *, clusters: Any, clustering: Any, seed: int) -> Any:
    from embeddings.analysis import cluster

    return cluster(catalog, clustering, clusters, seed=seed) if color == "cluster" else color


def _materials(path: Path, style: Style, *, color: str | None, method: Any, seed: int, table: Path | None) -> Figure:
    """Draw the structures of a file of vectors, colored by a column."""
    from embeddings.plots import materials_map
    from embeddings.search.collections import InMemory
    from embeddings.search.tables import JoinedTable
    from embeddings.vectors.structures import read_structure_catalog

    catalog = read_structure_catalog(path)
    among = InMemory(catalog, None if table is None else JoinedTable.read(table))
    values = None if color is None else among.taken(np.arange(len(catalog)), [color])[color]
    names = [f"{name} {formula}" for name, formula in zip(catalog.material_ids, catalog.formulas, strict=True)]
    return materials_map(catalog.vectors, values, names=names, label=color or "", method=method, seed=seed, **style)


_COLORING = ("color", "clusters", "clustering", "seed")
KINDS: dict[str, tuple[Callable[..., Figure], tuple[str, ...]]] = {
    "ptable": (_ptable, _COLORING),
    "map": (_map, (*_COLORING, "method", "dims")),
    "heatmap": (_heatmap, ("order",)),
    "dendrogram": (_dendrogram, ("clusters",)),
    "elbow": (_elbow, ("clustering", "seed")),
    "materials": (_materials, ("color", "method", "seed", "table")),
}
"""What draws each kind, and the options that go with it."""

WORDS = {"ptable": "periodic table", "map": "map of the elements", "materials": "map of the materials"}
"""What a kind is called where its own name is no English word for the figure."""

_ALWAYS = {"name", "kind", "out", "title", "size", "dpi", "font", "cmap"}


class _NumberOrAuto(click.IntRange):
    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Let "auto" through."""
        return value if value == "auto" else super().convert(value, param, ctx)


@click.command()
@click.argument("name")
@click.option("--kind", type=click.Choice(list(KINDS)), default="ptable", show_default=True, help="What to draw.")
@click.option("-o", "--out", required=True, type=click.Path(path_type=Path, dir_okay=False),
              help="Output: .html (interactive), .png, .svg or .pdf; replaced if it exists.")  # fmt: skip
@click.option("--color", help="ptable, map: block, cluster, n_structures, group, electronegativity ...; materials: a "
              "column of --table.")  # fmt: skip
@click.option("--table", type=click.Path(path_type=Path),
              help="materials: a .parquet, .csv or .tsv table with material_id and more columns.")  # fmt: skip
@click.option("-k", "--clusters", type=_NumberOrAuto(min=2), default="auto", show_default=True,
              help="Number of clusters.")  # fmt: skip
@click.option("--clustering", type=click.Choice(["kmeans", "hierarchical", "hdbscan"]), default="kmeans",
              show_default=True, help="Method of clustering.")  # fmt: skip
@click.option("--method", type=click.Choice(["umap", "pca", "tsne"]), default="umap", show_default=True,
              help="map: method of projection.")  # fmt: skip
@click.option(
    "--dims", type=click.Choice(["2", "3"]), default="2", show_default=True, help="map: number of dimensions."
)
@click.option("--order", type=click.Choice(["atomic_number", "cluster", "mendeleev"]), default="atomic_number",
              show_default=True, help="heatmap: order of the elements.")  # fmt: skip
@click.option("--seed", type=SEED, default=0, show_default=True, help="Seed of k-means, UMAP and t-SNE.")
@click.option("--title", help="Title of the figure.  [default: name and version of the catalog]")
@click.option("--size", type=(float, float), metavar="WIDTH HEIGHT", help="Size of the figure in inches.")
@click.option("--dpi", type=int, help="Pixels per inch, for .png.  [default: 110]")
@click.option("--font", default="", help='Font family of all text: one that is installed, or "serif".')
@click.option("--cmap", metavar="NAME", help="matplotlib color map: viridis, coolwarm, tab10 ...")
@click.pass_context
def plot(context: click.Context, name: str, kind: str, out: Path, dpi: int | None, **options: Any) -> None:
    r"""Draw a catalog: its periodic table, a map of its elements, their similarities or their clusters.

    For a file of structure vectors, --kind materials draws a map of its structures.

    Pictures need no browser; pages work offline. --color takes block, cluster, n_structures or an elemental property.
    By default, the periodic table is colored by cluster, and the map by block.

    \b
    Example:
      embeddings plot starter --kind map --color electronegativity -o map.html
      embeddings plot starter --size 7 4 --dpi 300 --font serif -o table.png
      embeddings plot vectors.parquet --kind materials --table gaps.csv --color gap -o materials.html
    """
    from embeddings.plots.write import check_output, write_figure

    draw, takes = KINDS[kind]
    _refuse_others(context, kind, takes)
    check_output(out, dpi=dpi, font=options["font"])
    is_file = kind == "materials"
    guard(Output(out), inputs=[name, options["table"]] if is_file else [], catalogs=[] if is_file else [name])
    catalog: Any = _file_of_structures(name) if is_file else load_uae(name)
    known = str(catalog) if is_file else f"{catalog.name}@{catalog.version}"
    style = Style(title=known if options["title"] is None else options["title"],
                  size=options["size"], font=options["font"], cmap=options["cmap"])  # fmt: skip
    figure = draw(catalog, style, **{option: options[option] for option in takes})
    write_figure(figure, out, dpi=dpi)
    echo(f"{out}: {WORDS.get(kind, kind)} of {known}", err=True)


def _file_of_structures(name: str) -> Path | str:
    if not is_vectors(name):
        raise InputInvalid(f"{name} is not a file of structure vectors, which --kind materials draws: FILE{ENDING}.")
    return place_of(name)


def _refuse_others(context: click.Context, kind: str, takes: tuple[str, ...]) -> None:
    """Refuse an option that would be without effect."""
    given = {name for name in context.params if context.get_parameter_source(name) is ParameterSource.COMMANDLINE}
    for option in sorted(given - _ALWAYS - {*takes}):
        kinds = " or ".join(name for name, (_, its) in KINDS.items() if option in its)
        raise click.UsageError(f"--{option} goes with --kind {kinds}, not with {kind}.")
    color = context.params["color"] or {"ptable": "cluster"}.get(kind)
    if "clusters" in takes and "color" in takes and color != "cluster":
        for option in sorted(given & {"clusters", "clustering"}):
            raise click.UsageError(f"--{option} goes with --color cluster.")
