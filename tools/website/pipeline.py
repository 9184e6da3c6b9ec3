"""Draw docs/pipeline.svg: the way of one structure and of one formula through the house.

Run it with ``python -m tools.website.pipeline``.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from pathlib import Path

ROOT = Path(__file__).parents[2]
PICTURE = ROOT / "docs" / "pipeline.svg"

WIDTH, HEIGHT, GAP, MARGIN = 214, 74, 26, 24
COLUMNS = 4


@dataclass(frozen=True)
class Step:
    """One box: what happens, where in the repository, and a few words."""

    title: str
    place: str
    about: str


@dataclass(frozen=True)
class Way:
    """Boxes in a row, wrapped like text, under a heading and in a color."""

    title: str
    color: str
    steps: tuple[Step, ...]


STRUCTURE = Way(
    "One structure: embeddings build --source mp --recipe ct-multi",
    "#3f51b5",
    (
        Step("command", "embeddings/cli", "parses, and calls the builder"),
        Step("source", "builders/sources", "pulls one batch after the other"),
        Step("snapshot", "builders/snapshots", "freezes it: parts, hashes, license"),
        Step("cleaning", "builders/structures", "drops what is unusable, and counts"),
        Step("split", "builders/learning", "by formula: no polymorph leaks"),
        Step("method", "builders/methods", "network, batches, training, vectors"),
        Step("run", "builders/runs", "resumes, to the same bytes"),
        Step("catalog", "embeddings/store", "vectors, card, hashes; manifest last"),
    ),
)
FORMULA = Way(
    'One formula: featurize(["Fe2O3"], "ct-multi")',
    "#00796b",
    (
        Step("name to version", "embeddings/store", "finds the release, checks its hashes"),
        Step("catalog", "embeddings/catalog.py", "read-only vectors, and their manifest"),
        Step("formula", "embeddings/formula", "Fe2O3 becomes Fe 0.4, O 0.6"),
        Step("pooling", "embeddings/pooling", "mean, std ... of the vectors"),
        Step("features", "embeddings/featurizers", "for scikit-learn, matminer, torch"),
        Step("files", "embeddings/streaming", "of any size in, files out"),
    ),
)
WAYS = (STRUCTURE, FORMULA)


def draw() -> str:
    """Return the picture."""
    width = 2 * MARGIN + COLUMNS * WIDTH + (COLUMNS - 1) * GAP
    parts, top = [], MARGIN
    for way in WAYS:
        parts.append(_text(MARGIN, top + 12, way.title, size=14, weight="bold", fill=way.color))
        top += 28
        parts += [_box(step, way.color, *_place(index, top)) for index, step in enumerate(way.steps)]
        parts += [_arrow(way.color, index, top) for index in range(len(way.steps) - 1)]
        rows = -(-len(way.steps) // COLUMNS)
        top += rows * (HEIGHT + GAP) + 12
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {top}" font-family="sans-serif">'
    title = "<title>The way of one structure and of one formula</title>"
    return "\n".join((head, title, _background(width, top), *parts, "</svg>", ""))


def _background(width: int, height: int) -> str:
    return f'<rect width="{width}" height="{height}" rx="8" fill="#ffffff"/>'


def _place(index: int, top: int) -> tuple[int, int]:
    row, column = divmod(index, COLUMNS)
    return MARGIN + column * (WIDTH + GAP), top + row * (HEIGHT + GAP)


def _box(step: Step, color: str, x: int, y: int) -> str:
    frame = f'<rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="6" fill="{color}14" stroke="{color}"/>'
    lines = (
        _text(x + 10, y + 22, step.title, size=14, weight="bold"),
        _text(x + 10, y + 42, step.place, size=11, family="monospace", fill=color),
        _text(x + 10, y + 61, step.about, size=10),
    )
    return "\n".join((frame, *lines))


def _arrow(color: str, index: int, top: int) -> str:
    """Return an arrow from a box to the next, which may be the first of the next row."""
    (x, y), (to_x, to_y) = _place(index, top), _place(index + 1, top)
    middle = HEIGHT // 2
    if to_y == y:
        path = f"M{x + WIDTH} {y + middle} H{to_x - 5}"
        tip = f"M{to_x - 7} {y + middle - 4} L{to_x - 1} {y + middle} L{to_x - 7} {y + middle + 4} Z"
    else:
        between = y + HEIGHT + GAP // 2
        path = f"M{x + WIDTH // 2} {y + HEIGHT} V{between} H{to_x + WIDTH // 2} V{to_y - 5}"
        left, right = to_x + WIDTH // 2 - 4, to_x + WIDTH // 2 + 4
        tip = f"M{left} {to_y - 7} L{right} {to_y - 7} L{to_x + WIDTH // 2} {to_y - 1} Z"
    return f'<path d="{path}" fill="none" stroke="{color}"/><path d="{tip}" fill="{color}"/>'


def _text(
    x: int, y: int, text: str, *, size: int, weight: str = "normal", fill: str = "#222222", family: str = ""
) -> str:
    style = f' font-family="{family}"' if family else ""
    return f'<text x="{x}" y="{y}" font-size="{size}" font-weight="{weight}" fill="{fill}"{style}>{escape(text)}</text>'


if __name__ == "__main__":
    PICTURE.write_text(draw(), encoding="utf-8")
