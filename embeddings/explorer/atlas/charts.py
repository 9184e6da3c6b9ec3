"""What the viewer is told: which columns are what, what it shows beside the map, and whose data it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from embeddings.explorer.atlas.columns import LINK, NAME, Columns, n_distinct
from embeddings.explorer.atlas.places import Places
from embeddings.search.tables import ID

if TYPE_CHECKING:
    import pyarrow as pa

ROW, X, Y, NEAREST = "__row", "__x", "__y", "__nearest"

_MOST_NAMES, _FEW_NUMBERS = 1000, 10
_WIDE = 2.4
"""How much wider than high the map is on a usual screen."""
_MARGIN, _MANY, _FRAMED = 0.95, 1000, 0.99
_COUNTS = "count-plot"


def settings(
    columns: Columns, places: Places, about: str, *, color: str | None, with_neighbors: bool
) -> dict[str, Any]:
    """Return what the viewer reads first.

    Args:
        columns: of the table that it loads.
        places: where its rows are drawn.
        about: a text in Markdown, shown first beside the map.
        color: the column that the map is colored by at first.
        with_neighbors: whether the table has those of each row.
    """
    data = {"x": X, "y": Y, "text": NAME} | ({"neighbors": NEAREST} if with_neighbors else {})
    charts = [
        {"type": "embedding", "title": "Map", "data": data | ({"category": color} if color else {})},
        {"type": "instances", "title": "Structures"},
        {"type": "markdown", "title": "About", "content": about},
        *(chart for name in columns.shown if (chart := _chart(name, columns.table[name])) is not None),
        {"type": "predicates", "title": "Conditions in SQL"},
    ]
    styles = {name: {"display": "full" if name in (NAME, LINK) else "badge"} for name in columns.shown}
    props = {
        "data": {"id": ROW, "projection": {"x": X, "y": Y}, "text": NAME}
        | ({"neighbors": NEAREST} if with_neighbors else {}),
        "embeddingViewConfig": {"autoLabelEnabled": False},
        "initialState": {
            "charts": {str(i): chart for i, chart in enumerate(charts, start=1)},
            "chartStates": {"1": {"viewport": _view(places.at)}},
            "columnStyles": styles,
        },
    }
    address = "https://atlas.invalid/data/dataset.parquet"  # never fetched: it names the file that the page hands over
    return {"props": props, "isStatic": True, "database": {"type": "wasm", "load": True, "datasetUrl": address}}


def _view(at: np.ndarray) -> dict[str, float]:
    """Return the part of the plane that is shown at first: all places, of 1,000 or more the middle 99% of them."""
    share = _FRAMED if len(at) >= _MANY else 1.0
    low, high = np.quantile(at.astype(np.float64), (0.5 - share / 2, 0.5 + share / 2), axis=0)
    reach = max(float(((high - low) / 2 * (1, _WIDE)).max()), float(np.finfo(np.float32).eps))
    x, y = ((low + high) / 2).tolist()
    return {"x": x, "y": y, "scale": _MARGIN / reach}


def _chart(name: str, values: pa.ChunkedArray) -> dict[str, Any] | None:
    """Return a picture of how the values of a column are distributed; None where there is little to see."""
    import pyarrow as pa

    kind = values.type
    if pa.types.is_list(kind):
        return {"type": _COUNTS, "title": name, "data": {"field": name, "isList": True}}
    n = n_distinct(values)
    if n <= 1 or name in (NAME, ID, LINK):
        return None
    if pa.types.is_string(kind):
        return _counts(name) if n <= _MOST_NAMES else None
    return _counts(name) if pa.types.is_integer(kind) and n <= _FEW_NUMBERS else _histogram(name)


def _counts(name: str) -> dict[str, Any]:
    return {"type": _COUNTS, "title": name, "data": {"field": name}}


def _histogram(name: str) -> dict[str, Any]:
    encoding = {"x": {"field": name}, "y": {"aggregate": "count"}}
    return {
        "title": name,
        "layers": [
            {"mark": "bar", "style": {"fillColor": "$markColorFade"}, "encoding": encoding},
            {"mark": "bar", "filter": "$filter", "encoding": encoding},
        ],
        "selection": {"brush": {"encoding": "x"}},
        "widgets": [{"type": "scale.type", "channel": "x"}],
    }
