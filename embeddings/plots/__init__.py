"""Figures of elements and materials: data in, figure out; nothing is shown or saved.

Each function returns a :class:`Figure`, which is plain data. ``figure.matplotlib()`` and ``figure.plotly()`` draw it,
and :func:`write_figure` writes it to a file. All take a title, a size, a font and a color map, see :class:`Style`.
Needs the extra ``plot``.
"""

from embeddings.plots.classes import element_classes
from embeddings.plots.coloring import COLORINGS
from embeddings.plots.elbow import elbow_and_silhouette
from embeddings.plots.element_map import embedding_map
from embeddings.plots.figure import Figure
from embeddings.plots.heatmap import similarity_heatmap
from embeddings.plots.material_map import materials_map
from embeddings.plots.style import Style
from embeddings.plots.table import periodic_table
from embeddings.plots.tree import dendrogram
from embeddings.plots.violins import class_violins
from embeddings.plots.write import FORMATS, write_figure

__all__ = [
    "COLORINGS",
    "FORMATS",
    "Figure",
    "Style",
    "class_violins",
    "dendrogram",
    "elbow_and_silhouette",
    "element_classes",
    "embedding_map",
    "materials_map",
    "periodic_table",
    "similarity_heatmap",
    "write_figure",
]
