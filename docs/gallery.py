"""Make the pictures of the gallery and its page from the catalogs that come with the library.

Run it with ``python -m docs.gallery``. The code that the page shows is the code that is run. The pictures that need
materials are made again only with ``--structures FILE``, a Parquet table with the columns ``formula``,
``formation_energy_per_atom`` (eV/atom) and ``band_gap`` (eV).
"""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import Any, NamedTuple

import click
import pyarrow.parquet as pq

from embeddings.plots import write_figure
from embeddings.store.folders import write_text

ROOT = Path(__file__).parent
PAGE = ROOT / "gallery.md"
PICTURES = ROOT / "gallery"

IMPORTS = """
from embeddings import load_uae
from embeddings.analysis import cluster
from embeddings.plots import (
    dendrogram,
    element_classes,
    elbow_and_silhouette,
    embedding_map,
    materials_map,
    periodic_table,
    similarity_heatmap,
    write_figure,
)
from embeddings.pooling import featurize_compositions

uae = load_uae("ct-multi")
"""


class Picture(NamedTuple):
    """One section of the page.

    Attributes:
        name: of the file, without its ending.
        heading: of the section.
        text: what there is to see, and how it is made.
        code: an expression that gives the figure.
        command: the same from the command line; empty where there is none.
        needs_materials: whether the code takes the table of structures.
    """

    name: str
    heading: str
    text: str
    code: str
    command: str = ""
    needs_materials: bool = False


GALLERY = (
    Picture(
        "classes",
        "Classes of elements, and what they mean for oxides",
        """
        Figure 3 of the paper on ct-UAE (Jin et al., Nat. Commun. 16, 1210, 2025), on our vectors: UMAP, three k-means
        classes on the map, and how formation energy and band gap of oxides are distributed over the classes of their
        cations. An oxide whose cations are of several classes is "mixed". Structures and labels are openly published
        Materials Project data (CC-BY-4.0).
        """,
        """
        element_classes(
            uae,
            structures,  # formula, formation_energy_per_atom, band_gap
            {"formation_energy_per_atom": "formation energy (eV/atom)", "band_gap": "band gap (eV)"},
            title="ct-multi: classes of elements, and oxides by class",
        )
        """,
        needs_materials=True,
    ),
    Picture(
        "periodic-table",
        "The periodic table in clusters",
        """
        Ward's clusters in all 128 dimensions. Their number is the one with the best mean silhouette. Elements without a
        vector are hatched.
        """,
        'periodic_table(cluster(uae, "hierarchical"), title="ct-multi: clusters")',
        "embeddings plot ct-multi --color cluster --clustering hierarchical -o table.png",
    ),
    Picture(
        "training-structures",
        "How many structures each vector was learned from",
        "The number of training structures that contain the element, on a logarithmic scale.",
        'periodic_table(uae, color="n_structures", title="ct-multi: training structures")',
        "embeddings plot ct-multi --color n_structures -o training-structures.png",
    ),
    Picture(
        "map",
        "A map of the elements",
        "Discs that would overlap are moved apart; a line connects each moved disc to its true place.",
        'embedding_map(uae, "umap", color="electronegativity", title="ct-multi: electronegativity")',
        "embeddings plot ct-multi --kind map --color electronegativity -o map.png",
    ),
    Picture(
        "map-pca",
        "The same map by principal components",
        "The label of each axis says how much of the variance it shows.",
        'embedding_map(uae, "pca", color="block", title="ct-multi: principal components")',
        "embeddings plot ct-multi --kind map --method pca -o map.png",
    ),
    Picture(
        "heatmap",
        "Which elements are similar",
        "The cosine similarity of every pair, in the order of the leaves of Ward's tree.",
        'similarity_heatmap(uae, order="cluster", title="ct-multi: similarity")',
        "embeddings plot ct-multi --kind heatmap --order cluster -o similarity.png",
    ),
    Picture(
        "dendrogram",
        "The tree of elements",
        "Ward's method on unit vectors; branches have the color of their cluster.",
        'dendrogram(uae, title="ct-multi: Ward\'s tree")',
        "embeddings plot ct-multi --kind dendrogram -o tree.png",
    ),
    Picture(
        "elbow",
        "How many clusters",
        """
        Inertia and silhouette of k-means against the number of clusters, with the scatter over five seeds. Look at this
        figure before you believe in classes: a silhouette near zero says that no cluster stands apart, and an inertia
        without a bend has no elbow. `k="auto"` finds the best mean silhouette and, among the numbers of clusters within
        its scatter, takes the one nearest to the elbow.
        """,
        'elbow_and_silhouette(cluster(uae), title="ct-multi: k-means")',
        "embeddings plot ct-multi --kind elbow -o elbow.png",
    ),
    Picture(
        "materials",
        "A map of materials",
        """
        One point for each vector, here of a composition, colored by a property. In an `.html` page, the graphics card
        draws the points, so you can move a map of 100,000 of them. If there are more, a sample is drawn, and the figure
        says so.
        """,
        """
        materials_map(
            featurize_compositions(structures["formula"], uae, stats="mean", missing="impute"),
            structures["band_gap"],
            names=structures["formula"],
            label="band gap (eV)",
            max_points=9_000,
            title="ct-multi: compositions",
        )
        """,
        needs_materials=True,
    ),
)

INTRO = """# Gallery

Each figure is one call. A function of `embeddings.plots` takes data and returns a figure. A notebook shows it, and
`write_figure(figure, "map.pdf")` writes it to a file: `.png`, `.svg` and `.pdf` need no browser; `.html` is an
interactive page that works offline. All of this needs the extra `plot`. A function that takes a catalog also takes its
name: `periodic_table("ct-multi")`.

| option in Python | option of `embeddings plot` | what it sets |
|---|---|---|
| `title="..."` | `--title` | the text above the figure |
| `size=(7, 4)` | `--size 7 4` | width and height in inches; symbols scale with it |
| `font="serif"` | `--font` | the font family: one that is installed, or `serif`, `sans-serif`, `monospace` |
| `cmap="magma"` | `--cmap` | a color map of matplotlib, for values and for classes; in Python also a list of colors |
| `write_figure(..., dpi=300)` | `--dpi` | pixels per inch of a `.png` file |

A color means the same in every figure and in the [explorer](explorer.md): similar is red and opposite is blue, shades
run from dark (low) to bright (high), and each cluster has one number and one color. To draw two catalogs in the same
colors, renumber the clusters of one to match those of the other: `cluster("starter").matched(cluster("ct-multi"))`.

## Why there are two drawing libraries

`figure.matplotlib()` and `figure.plotly()` draw the same plain data. matplotlib makes figures for a paper: vector
graphics with embedded fonts, without a browser or a display, while plotly needs Chrome for that. plotly makes
interactive pages: hover over one of 100,000 points to see which material it is, zoom in, or turn a map in three
dimensions. (The explorer does this for elements, not for materials.) Neither library is imported before something is
drawn.

## Setup

`python -m docs.gallery` makes the pictures and this page. The code shown is the code that was run, after this:
"""


def page() -> str:
    """Return the text of the page."""
    return "\n".join([INTRO, _block("python", IMPORTS), *map(_section, GALLERY)])


def _section(picture: Picture) -> str:
    parts = [
        f"## {picture.heading}\n",
        f"![{picture.heading}](gallery/{picture.name}.png)\n",
        dedent(picture.text).strip() + "\n",
        _block("python", f"figure = {dedent(picture.code).strip()}"),
        _block("", picture.command) if picture.command else "",
    ]
    return "\n".join(filter(None, parts))


def _block(language: str, code: str) -> str:
    return f"```{language}\n{code.strip()}\n```\n"


@click.command()
@click.option("--structures", type=click.Path(path_type=Path, exists=True), help="Materials, for two of the pictures.")
def main(structures: Path | None) -> None:
    """Make the pictures and the page."""
    names: dict[str, Any] = {}
    exec(IMPORTS, names)
    if structures is not None:
        names["structures"] = pq.read_table(structures, columns=["formula", "formation_energy_per_atom", "band_gap"])
    for picture in GALLERY:
        if structures is not None or not picture.needs_materials:
            write_figure(eval(dedent(picture.code).strip(), names), PICTURES / f"{picture.name}.png")
            click.echo(picture.name)
    write_text(PAGE, page())


if __name__ == "__main__":
    main()
