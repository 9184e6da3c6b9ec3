"""Figures as files: pictures without a browser, pages to hover over."""

from __future__ import annotations

import io
import os
from html import escape
from pathlib import Path

from embeddings.errors import InputInvalid, did_you_mean
from embeddings.plots.figure import Figure
from embeddings.store.epoch import source_date
from embeddings.store.folders import write_bytes
from embeddings.store.outputs import check_file

FORMATS = ("html", "png", "svg", "pdf")

_DPI = 110


def write_figure(figure: Figure, path: str | os.PathLike[str]) -> Path:
    """Write a figure; the file's ending says how.

    ``.png``, ``.svg`` and ``.pdf`` are drawn with matplotlib. ``.html`` is one page with plotly in it, which works
    offline and needs 5 MB.

    Raises:
        InputInvalid: another ending.
        OutputInvalid: the folder is missing, or the file cannot be written.
        MissingExtra: the library that draws it is not installed.
    """
    path = Path(path)
    check_output(path)
    write_bytes(path, render(figure, path.suffix[1:].lower()))
    return path


def check_output(path: Path) -> None:
    """Refuse a path that cannot be written to, before anything is computed.

    Raises:
        InputInvalid: the ending is not one of :data:`FORMATS`, or SOURCE_DATE_EPOCH, which matplotlib heeds, no time.
        OutputInvalid: the folder is missing or read-only, or no ordinary file stands there.
    """
    ending = path.suffix[1:].lower()
    if ending not in FORMATS:
        known = ", ".join(f".{name}" for name in FORMATS)
        raise InputInvalid(
            f'{path} ends in "{path.suffix}", but figures end in {known}.{did_you_mean(ending, FORMATS)}'
        )
    source_date()
    check_file(path)


def render(figure: Figure, ending: str) -> bytes:
    """Return a figure as the bytes of a file; the same figure gives the same bytes.

    Args:
        figure: what to draw.
        ending: one of :data:`FORMATS`.
    """
    if ending == "html":
        return _page(figure).encode()
    drawn = figure.matplotlib()
    from matplotlib import rc_context

    buffer = io.BytesIO()
    with rc_context({"svg.hashsalt": "embeddings", "svg.fonttype": "none", "pdf.fonttype": 42}):
        dates = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
        drawn.savefig(buffer, format=ending, dpi=_DPI, metadata=dates.get(ending))
    return buffer.getvalue()


def _page(figure: Figure) -> str:
    """Return a page with nothing but the figure; its title is shown as it is."""
    content = figure.plotly().to_html(
        full_html=False, include_plotlyjs=True, div_id="figure", config={"displaylogo": False}
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<title>{escape(figure.title)}</title>\n"
        "<style>body { margin: 0; min-height: 100vh; display: grid; place-items: center; }</style>\n"
        f"</head>\n<body>\n{content}\n</body>\n</html>\n"
    )
