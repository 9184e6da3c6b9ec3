"""Figures as files: pictures without a browser, pages to hover over."""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from embeddings.errors import InputInvalid, MissingExtra, did_you_mean
from embeddings.plots.static import check_font
from embeddings.store.epoch import source_date
from embeddings.store.folders import write_bytes
from embeddings.store.outputs import check_file

if TYPE_CHECKING:
    from embeddings.plots.figure import Figure

FORMATS = ("html", "png", "svg", "pdf")

DPI = 110
DPI_RANGE = (10, 2400)


def write_figure(figure: Figure, path: str | os.PathLike[str], *, dpi: int | None = None) -> Path:
    """Write a figure; the file's ending says how.

    ``.png``, ``.svg`` and ``.pdf`` are drawn with matplotlib. ``.html`` is one page with plotly in it, which works
    offline and needs 5 MB.

    Args:
        figure: what to write.
        path: of the file; replaced if it is there.
        dpi: pixels per inch of a picture, and of dense clouds of points inside vector graphics; 110 if not given.

    Returns:
        The path.

    Raises:
        InputInvalid: another ending, a font that is not installed or lacks a glyph, or a `dpi` that is out of range
            or for a page.
        OutputInvalid: the folder is missing, or the file cannot be written.
        MissingExtra: the library that draws it is not installed.
    """
    path = Path(path)
    check_output(path, dpi=dpi)
    write_bytes(path, render(figure, path.suffix[1:].lower(), dpi=dpi))
    return path


def check_output(path: Path, *, dpi: int | None = None, font: str = "") -> None:
    """Refuse what cannot be written, before anything is computed.

    Raises:
        InputInvalid: the ending is not one of :data:`FORMATS`, `dpi` is out of range or for a page, the font is not
            installed, or SOURCE_DATE_EPOCH, which matplotlib reads, is not a time.
        MissingExtra: the library that draws it is not installed.
        OutputInvalid: the folder is missing or read-only, or the path is not an ordinary file.
    """
    ending = path.suffix[1:].lower()
    if ending not in FORMATS:
        known = ", ".join(f".{name}" for name in FORMATS)
        raise InputInvalid(
            f'{path} ends in "{path.suffix}", but figures end in {known}.{did_you_mean(ending, FORMATS)}'
        )
    library = "plotly" if ending == "html" else "matplotlib"
    if find_spec(library) is None:
        raise MissingExtra.of(library, "plot")
    if dpi is not None:
        _check_dpi(dpi, ending)
    if ending != "html":
        check_font(font)
    source_date()
    check_file(path)


def _check_dpi(dpi: int, ending: str) -> None:
    low, high = DPI_RANGE
    if ending == "html":
        raise InputInvalid("A page has no dpi; it goes with .png, .svg and .pdf.")
    if not low <= dpi <= high:
        raise InputInvalid(f"dpi is {dpi}; give {low} to {high} pixels per inch.")


def render(figure: Figure, ending: str, *, dpi: int | None = None) -> bytes:
    """Return a figure as the bytes of a file; the same figure gives the same bytes.

    Args:
        figure: what to draw.
        ending: one of :data:`FORMATS`.
        dpi: pixels per inch; 110 if not given.

    Raises:
        InputInvalid: the font is not installed, or lacks a glyph.
    """
    if ending == "html":
        return _page(figure).encode()
    drawn = figure.matplotlib()
    from matplotlib import rc_context

    buffer = io.BytesIO()
    with rc_context({"svg.hashsalt": "embeddings", "svg.fonttype": "none", "pdf.fonttype": 42}):
        dates = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
        with _glyphs_needed(ending):
            drawn.savefig(buffer, format=ending, dpi=dpi or DPI, metadata=dates.get(ending))
    return buffer.getvalue()


@contextmanager
def _glyphs_needed(ending: str) -> Iterator[None]:
    """Refuse text that the font cannot show; in .svg text stays text, and whatever shows it chooses the font."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore" if ending == "svg" else "error", "Glyph .* missing", UserWarning)
        try:
            yield
        except UserWarning as warning:
            raise InputInvalid(f"{warning} Choose a font that has it (font=..., --font), or write .svg.") from warning


def _page(figure: Figure) -> str:
    """Return a page with only the figure; its title is shown as it is."""
    content = figure.plotly().to_html(
        full_html=False, include_plotlyjs=True, div_id="figure", config={"displaylogo": False}
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<title>{escape(figure.title)}</title>\n"
        "<style>body { margin: 0; min-height: 100vh; display: grid; place-items: center; }</style>\n"
        f"</head>\n<body>\n{content}\n</body>\n</html>\n"
    )
