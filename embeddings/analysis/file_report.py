"""What changed between two files of vectors, in words: the same sections as text and as an HTML page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from embeddings.analysis.comparison_report import Section, cell, sections_as_page, sections_as_text

if TYPE_CHECKING:
    from embeddings.analysis.file_changes import FileChanges


def text_of(changes: FileChanges, n: int) -> str:
    """Return the report as text; n rows of each kind are named."""
    return sections_as_text(f"From {changes.a} to {changes.b}", _sections(changes, n))


def page_of(changes: FileChanges, n: int) -> str:
    """Return the report as a page."""
    return sections_as_page(f"From {changes.a} to {changes.b}", _sections(changes, n))


def _sections(changes: FileChanges, n: int) -> Iterator[Section]:
    differing = tuple((fact, *map(cell, both)) for fact, both in changes.changed.items())
    told = () if differing else ("Both state the same of themselves.",)
    yield Section("Files", told, ("", "A", "B") if differing else (), differing)
    yield Section(
        "Rows",
        (
            f"In both: {changes.n_shared:,} {changes.level}s.",
            _counted("New", changes.added, n),
            _counted("Gone", changes.gone, n),
        ),
    )
    yield _vectors(changes, n)
    what = "element" if changes.level == "site" else "formula"
    rows = tuple((row, *both) for row, both in list(changes.formulas.items())[:n])
    sentence = f"Rows with another {what}: {len(changes.formulas):,}."
    yield Section(f"{what.capitalize()}s", (sentence,), ("row", "in A", "in B") if rows else (), rows)


def _counted(title: str, rows: Sequence[str], n: int) -> str:
    more = f" and {len(rows) - n:,} more" if len(rows) > n else ""
    return f"{title}: {len(rows):,}" + (f", {', '.join(rows[:n])}{more}." if rows else ".")


def _vectors(changes: FileChanges, n: int) -> Section:
    if changes.not_compared:
        return Section("Vectors", (f"Not compared: {changes.not_compared}.",))
    sentences = (
        f"Of {changes.n_shared:,} in both, {changes.n_identical:,} are the same to the bit.",
        f"Moved, to a cosine below 0.99999: {len(changes.moved):,}.",
    )
    rows = tuple((row, f"{cosine:.5f}") for row, cosine in list(changes.moved.items())[:n])
    return Section("Vectors", sentences, ("moved most", "cosine") if rows else (), rows)
