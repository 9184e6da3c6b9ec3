"""Explanations as a page: one file with words, tables and figures, that works offline and from disk."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from string import Template
from typing import Any

from embeddings.display.numbers import counted, number, signed
from embeddings.display.pages import content_policy, page_style, read_part
from embeddings.display.text import one_line
from embeddings.explain import figures
from embeddings.explain.explanation import Explanation
from embeddings.explain.overview import Effect
from embeddings.explain.report import Explanations

PACKAGE = "embeddings.explain"

REPORT = "embeddings.bench"
"""Its report has the style and the script that are used here too."""

MOST_FORMULAS = 40
"""Formulas that have figures of their own."""

MOST_EFFECTS = 25
"""Elements and pairs in the tables of the overview."""


def render_page(found: Explanations) -> str:
    """Return the page of explanations.

    Nothing in it is fetched, its content-security policy runs no script but its own, and text goes in as text.
    """
    style, script = page_style(REPORT) + read_part(PACKAGE, "style.css"), read_part(REPORT, "page.js")
    rest = len(found) - MOST_FORMULAS
    more = f"<p>{counted(rest, 'more formula', 'is')} in the overview and in the JSON.</p>" if rest > 0 else ""
    return Template(read_part(PACKAGE, "page.html")).substitute(
        title=_text(f"{found.what} \u00b7 explain"),
        heading=_text(found.what) + (f" <small>{_text(found.unit)}</small>" if found.unit else ""),
        subtitle=_text(f"{counted(len(found), 'formula')} explained"),
        policy=content_policy(style, script),
        style=style,
        script=script,
        notes="".join(f"<li>{_text(note)}</li>" for note in found.notes()),
        background=_background(found),
        overview=_overview(found) if len(found) > 1 else "",
        formulas="".join(map(_section, found.each[:MOST_FORMULAS])) + more,
    )


def _text(value: Any) -> str:
    return html.escape(one_line(str(value)))


def _background(found: Explanations) -> str:
    if not found.background:
        return ""
    return (
        f"<details><summary>The formulas that were drawn</summary><p>{_text(', '.join(found.background))}</p></details>"
    )


def _overview(found: Explanations) -> str:
    whole = found.overview
    caption = "Mean Shapley value over the formulas with the element."
    pictures = _figure("Elements", figures.periodic_table(whole), caption)
    if whole.pairs:
        caption = "Mean interaction over the formulas with both. Outlined cells: no formula has both."
        pictures += _figure("Pairs", figures.heat_map(whole), caption)
    return (
        f'<section class="overview" aria-labelledby="overview"><h2 id="overview">Over all formulas</h2>{pictures}'
        f'<div class="tables">{_effects("Elements", whole.elements)}{_effects("Pairs", whole.pairs)}</div></section>'
    )


def _effects(label: str, effects: Sequence[Effect]) -> str:
    if not effects:
        return ""
    rows = [
        (_head("-".join(one.elements)), signed(one.mean), number(one.mean_absolute), f"{one.n_formulas:,}")
        for one in effects[:MOST_EFFECTS]
    ]
    return _table(label, ("", "mean", "mean of the absolute", "formulas"), rows)


def _section(one: Explanation) -> str:
    unit = f" {_text(one.unit)}" if one.unit else ""
    pictures = [
        _figure("From the base to the prediction", figures.force(one), ""),
        _figure("Shapley values", figures.bars(one), "They and the base add up to the prediction."),
    ]
    if one.pairs:
        caption = "Lines: what two elements do together. Circles: what is left for each beside its pairs."
        pictures.append(_figure("Interactions", figures.network(one), caption))
    return (
        f"<section><h2>{_text(one.formula)}: {number(one.prediction)}{unit}</h2>"
        f'<div class="figures">{"".join(pictures)}</div>{_sets(one)}{_amounts(one)}'
        f'<p class="soft">Base {number(one.base)}; base and values give the prediction, but for '
        f"{abs(one.residual):.0e}.</p></section>"
    )


def _sets(one: Explanation) -> str:
    rows = []
    for names, value in [*one.pairs.items(), *one.triples.items()]:
        error = (f"\u00b1 {number(one.errors[names], 2)}",) if one.is_estimated else ()
        rows.append((_head("-".join(names)), signed(value), *error))
    if not rows:
        return "<p>One element: there are no pairs.</p>" if one.order > 1 else ""
    return _table("Interactions", ("", "together", *(("standard error",) if one.is_estimated else ())), rows)


def _amounts(one: Explanation) -> str:
    if not one.amounts:
        return ""
    rows = []
    for amount in one.amounts:
        changes = (amount.more, amount.less, amount.slope)
        rows.append((_head(amount.element), *("\u2013" if change is None else signed(change) for change in changes)))
    return _table("Amounts", ("of", "1% more", "1% less", "slope, per 1%"), rows)


def _head(name: str) -> str:
    return f'<th scope="row">{name}</th>'


def _table(label: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table that scrolls sideways where the screen is narrow; the first cell of a row is marked up already."""
    columns = "".join(f'<th scope="col">{_text(name)}</th>' for name in head)
    body = "".join(f"<tr>{first}{''.join(f'<td>{cell}</td>' for cell in rest)}</tr>" for first, *rest in rows)
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{_text(label)}"><table>'
        f"<thead><tr>{columns}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _figure(title: str, svg: str, caption: str) -> str:
    said = f"<figcaption>{_text(caption)}</figcaption>" if caption else ""
    return f"<figure><h3>{_text(title)}</h3>{svg}{said}</figure>"
