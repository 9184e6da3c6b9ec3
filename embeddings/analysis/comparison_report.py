"""A comparison in words: the same sections as text for a terminal and as an HTML page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from embeddings.display.pages import content_policy, page_style
from embeddings.display.text import one_line, shortened
from embeddings.store.manifest import Metric

if TYPE_CHECKING:
    from embeddings.analysis.changes import Changes
    from embeddings.analysis.comparison import Comparison

PACKAGE = "embeddings.analysis"

_SHOWN = 12
_LONGEST = 60


@dataclass(frozen=True)
class Section:
    """One part of the report: sentences, then a table.

    Attributes:
        title: of the section.
        sentences: before the table.
        head: of its columns.
        rows: of the table, cells as text.
    """

    title: str
    sentences: tuple[str, ...] = ()
    head: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


def text_of(comparison: Comparison) -> str:
    """Return the report as text."""
    return sections_as_text(_heading(comparison), _sections(comparison))


def page_of(comparison: Comparison) -> str:
    """Return the report as a page."""
    return sections_as_page(_heading(comparison), _sections(comparison))


def sections_as_text(heading: str, sections: Iterable[Section]) -> str:
    """Return sections below a heading as text."""
    parts = [one_line(heading)]
    for section in sections:
        lines = [section.title, *(f"  {sentence}" for sentence in section.sentences)]
        parts.append("\n".join([*lines, *_aligned([section.head, *section.rows] if section.rows else [])]))
    return "\n\n".join(parts) + "\n"


def sections_as_page(heading: str, sections: Iterable[Section]) -> str:
    """Return sections below a heading as a page; nothing in it is fetched, no script runs, and text goes in as text."""
    style, title = page_style(PACKAGE), _text(heading)
    body = "".join(map(_html, sections))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{content_policy(style, "")}">\n'
        f"<title>{title}</title>\n<style>{style}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n{body}</main>\n"
        "</body>\n</html>\n"
    )


def _heading(comparison: Comparison) -> str:
    changes = comparison.changes
    return f"From {changes.a} to {changes.b}" if changes else repr(comparison)


def _sections(comparison: Comparison) -> Iterator[Section]:
    changes = comparison.changes
    if changes:
        yield _summary(changes)
        yield _rows(changes)
    yield _vectors(comparison)
    if changes:
        yield from (section for section in (_formulas(changes), _targets(changes), _metrics(changes)) if section)


def _summary(changes: Changes) -> Section:
    """Return what the manifests state differently, the license in any case."""
    verdict = (changes.verdict,) if changes.verdict else ()
    rows = [(fact, *map(cell, both)) for fact, both in changes.changed.items()]
    if "license" not in changes.changed:
        rows.append(("license", *map(cell, changes.facts["license"])))
    step = f"By the rules of the format, this is a {changes.step} change."
    return Section("Versions", (step, *verdict), ("", changes.a, changes.b), tuple(rows))


def _rows(changes: Changes) -> Section:
    sentences = [
        f"Elements added: {', '.join(changes.added) or 'none'}.",
        f"Elements lost: {', '.join(changes.lost) or 'none'}.",
    ]
    if changes.n_identical is not None:
        sentences.append(f"Rows that are the same to the bit: {changes.n_identical}.")
    return Section("Rows", tuple(sentences))


def _vectors(comparison: Comparison) -> Section:
    """Return how far the vectors moved once both catalogs are turned into one frame."""
    changed = sum(share < 1 for share in comparison.kept.values())
    sentences = (
        f"On {comparison.n_shared} shared rows: neighbors kept {comparison.overlap:.0%}, linear CKA "
        f"{comparison.cka:.3f}, Procrustes distance {comparison.procrustes:.3f} (0: the same but for a turn).",
        f"Rows whose nearest neighbors changed: {changed} of {len(comparison.kept)}.",
    )
    most = list(comparison.moved.items())[:_SHOWN]
    rows = [(key, f"{far:.3f}", f"{comparison.kept[key]:.0%}" if key in comparison.kept else "") for key, far in most]
    return Section("Vectors", sentences, ("moved most", "distance", "neighbors kept"), tuple(rows))


def _formulas(changes: Changes) -> Section:
    counts = changes.formulas
    if counts is None:
        return Section("Training formulas", ("Unknown: one of the two has no digest of its training formulas.",))
    sentence = f"{counts.shared:,} in both, {counts.added:,} added, {counts.lost:,} lost."
    return Section("Training formulas", (sentence,))


def _targets(changes: Changes) -> Section | None:
    if not changes.targets_added and not changes.targets_lost:
        return None
    added, lost = (", ".join(some) or "none" for some in (changes.targets_added, changes.targets_lost))
    return Section("Targets", (f"Added: {added}.", f"Lost: {lost}."))


def _metrics(changes: Changes) -> Section | None:
    if not changes.metrics:
        return None
    rows = tuple((target, *_scores(*both)) for target, both in changes.metrics.items())
    note = "Errors on held-out rows of each version's own split; the two were not tested on the same rows."
    return Section("Accuracy", (note,), ("target", f"MAE {changes.a}", f"MAE {changes.b}", "change", "unit"), rows)


def _scores(a: Metric | None, b: Metric | None) -> tuple[str, ...]:
    stated = ["-" if metric is None else f"{metric.mae:.4g} (n={metric.n:,})" for metric in (a, b)]
    change = f"{b.mae / a.mae - 1:+.1%}" if a and b and a.mae and a.unit == b.unit else "-"
    unit = " / ".join(dict.fromkeys(metric.unit for metric in (a, b) if metric))
    return (*stated, change, unit)


def cell(value: Any) -> str:
    """Return a value as the text of a cell; ``-`` for None."""
    return "-" if value is None else shortened(one_line(str(value)), _LONGEST)


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a table in aligned columns."""
    shown = [[one_line(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    padded = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in shown)
    return [f"  {line}".rstrip() for line in padded]


def _html(section: Section) -> str:
    sentences = "".join(f"<p>{_text(sentence)}</p>\n" for sentence in section.sentences)
    return f"<section>\n<h2>{_text(section.title)}</h2>\n{sentences}{_table(section)}</section>\n"


def _table(section: Section) -> str:
    if not section.rows:
        return ""
    head = "".join(f'<th scope="col">{_text(name)}</th>' for name in section.head)
    body = "".join(
        f'<tr><th scope="row">{_text(row[0])}</th>{"".join(f"<td>{_text(cell)}</td>" for cell in row[1:])}</tr>\n'
        for row in section.rows
    )
    label = escape(section.title)
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{label}">'
        f"<table><thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody></table></div>\n"
    )


def _text(value: str) -> str:
    return escape(one_line(value))
