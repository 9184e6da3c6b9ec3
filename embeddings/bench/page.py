"""The report as a page: one file with words, tables and charts, that works offline and from disk."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from string import Template
from typing import Any

from embeddings.bench.charts import charts_of
from embeddings.bench.drawing import interval
from embeddings.bench.wording import SCORE_WORDS, listed, number, probability
from embeddings.display.numbers import counted
from embeddings.display.pages import content_policy, page_style, read_part
from embeddings.display.text import one_line, shortened

PACKAGE = "embeddings.bench"


def render_page(content: dict[str, Any]) -> str:
    """Return the page of a report.

    Nothing in it is fetched, its content-security policy runs no script but its own, and text goes in as text.

    Args:
        content: as `Report.to_dict` returns it.
    """
    style, script = page_style(PACKAGE), read_part(PACKAGE, "page.js")
    return Template(read_part(PACKAGE, "page.html")).substitute(
        title=_text(f"{content['target']} \u00b7 bench"),
        heading=_text(content["target"]) + (f" <small>{_text(content['unit'])}</small>" if content["unit"] else ""),
        subtitle=_text(_subtitle(content)),
        policy=content_policy(style, script),
        style=style,
        script=script,
        verdict="".join(map(_section, content["verdict"])),
        contenders=_contenders(content),
        charts="".join(_figure(chart.title, chart.svg, chart.caption) for chart in charts_of(content)),
        outliers=_outliers(content),
        facts=_facts(content),
        code=_code(content),
    )


def _text(value: Any) -> str:
    return html.escape(one_line(str(value)))


def _subtitle(content: dict[str, Any]) -> str:
    plan, facts = content["plan"], content["facts"]
    source = f"{plan['source']} \u00b7 " if plan["source"] else ""
    catalogs = listed(plan["catalogs"]) or "no catalogs"
    return (
        f"{source}{counted(facts['n_rows'], 'row')} \u00b7 {content['n_folds_done']} of "
        f"{counted(plan['n_folds'], 'fold')} by {plan['split']} \u00b7 {catalogs}"
    )


def _section(section: dict[str, Any]) -> str:
    sentences = "".join(f"<li>{_text(sentence)}</li>" for sentence in section["sentences"])
    return f"<div><h3>{_text(section['title'])}</h3><ul>{sentences}</ul></div>"


def _contenders(content: dict[str, Any]) -> str:
    rows = content.get("contenders", [])
    if not rows:
        return "<p>No fold was done.</p>"
    kinds = list(rows[0]["scores"])
    ends = [end for row in rows for end in _ends(row["scores"][kinds[0]])]
    body = []
    for row in rows:
        main = row["scores"][kinds[0]]
        over = row["over_fractions"]
        cells = [
            _score(main),
            interval(main["low"], main["mean"], main["high"], min(ends), max(ends)),
            *(_score(row["scores"][kind]) for kind in kinds[1:]),
            "" if over is None else f"{100 * over['relative']:+.0f}%".replace("-", "\u2212"),
            "" if over is None or over["p"] is None else _text(probability(over["p"])),
        ]
        style = ' class="chosen"' if row["name"] == "chosen" else ""
        body.append(f'<tr{style}><th scope="row">{_text(row["label"])}</th>{_cells(cells)}</tr>')
    names = [SCORE_WORDS[kind] for kind in kinds]
    head = ["contender", names[0], "", *names[1:], "over element fractions", "p, not adjusted"]
    return _table("Contenders", head, body)


def _ends(score: dict[str, Any]) -> list[float]:
    return [score[key] for key in ("low", "mean", "high") if score[key] is not None]


def _score(score: dict[str, Any]) -> str:
    if score["mean"] is None:
        return "\u2013"
    spread = f' <span class="soft">\u00b1 {number(score["std"], 2)}</span>' if score["std"] is not None else ""
    return f"{number(score['mean'])}{spread}"


def _cells(cells: Iterable[str]) -> str:
    return "".join(f"<td>{cell}</td>" for cell in cells)


def _table(label: str, head: Sequence[str], body: Iterable[str], *, sortable: bool = False) -> str:
    """Return a table that scrolls sideways where the screen is narrow; the cells of `body` are escaped already."""
    names = [f"<button type=button>{_text(name)}</button>" if sortable else _text(name) for name in head]
    columns = "".join(f'<th scope="col">{name}</th>' for name in names)
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{html.escape(label)}">'
        f"<table{' data-sortable' * sortable}><thead><tr>{columns}</tr></thead><tbody>{''.join(body)}</tbody></table>"
        "</div>"
    )


def _figure(title: str, svg: str, caption: str) -> str:
    return f"<figure><h3>{_text(title)}</h3>{svg}<figcaption>{_text(caption)}</figcaption></figure>"


def _outliers(content: dict[str, Any]) -> str:
    if not content.get("outliers"):
        return "<p>There are none.</p>"
    place = "line" if content["plan"]["source"] else "row"
    error = "probability missed" if content["classes"] else "error"
    body = [
        f"<tr><th scope=row data-value='{row['line']}'>{row['line']}</th><td>{_text(shortened(row['formula']))}</td>"
        f"{_sortable(row['value'])}{_sortable(row['predicted'])}{_sortable(row['error'])}</tr>"
        for row in content["outliers"]
    ]
    return _table("Rows to check", [place, "formula", "measured", "predicted", error], body, sortable=True)


def _sortable(value: float | str) -> str:
    if isinstance(value, str):
        return f"<td>{_text(shortened(value))}</td>"
    return f'<td data-value="{value!r}">{number(value)}</td>'.replace(">-", ">\u2212")


def _facts(content: dict[str, Any]) -> str:
    facts, plan = content["facts"], content["plan"]
    pairs = [
        ("Rows", f"{facts['n_rows']:,}"),
        ("Set aside", f"{facts['n_set_aside']:,}"),
        ("Formulas", f"{facts['n_formulas']:,}"),
        ("Chemical systems", f"{facts['n_systems']:,}"),
        ("Elements", f"{facts['n_elements']:,}"),
        ("Rows that share a formula", f"{facts['n_repeats']:,}"),
        ("Folds", f"{content['n_folds_done']} of {plan['n_folds']}, by {plan['split']}"),
        ("Seed", str(plan["seed"])),
        ("Budget", "none" if plan["budget"] is None else f"{number(plan['budget'])} s"),
    ]
    if not content["classes"]:
        low, _, median, _, high = facts["quantiles"]
        pairs += [
            ("Smallest, median, largest", f"{number(low)}, {number(median)}, {number(high)}"),
            ("Exactly zero", f"{100 * facts['share_of_zeros']:.0f}%"),
        ]
    pairs += [(f"Class {name}", counted(n, "row")) for name, n in facts["class_counts"].items()]
    pairs += [
        (f"{name} saw", "not told" if n is None else f"{n:,} of the formulas") for name, n in facts["seen"].items()
    ]
    listed_pairs = "".join(f"<dt>{_text(label)}</dt><dd>{_text(value)}</dd>" for label, value in pairs)
    return f"<dl>{listed_pairs}</dl>{_set_aside(content)}"


def _set_aside(content: dict[str, Any]) -> str:
    rows = content["set_aside"]
    if not rows:
        return ""
    body = [f"<tr><th scope=row>{row['line']}</th><td>{_text(shortened(row['reason'], 200))}</td></tr>" for row in rows]
    table = _table("Rows set aside", ["line" if content["plan"]["source"] else "row", "reason"], body)
    return f"<details><summary>Rows set aside ({len(rows):,})</summary>{table}</details>"


def _code(content: dict[str, Any]) -> str:
    if "code" not in content:
        return ""
    texts = ["\n".join(map(_text, content["code"][kind])) for kind in ("shell", "python")]
    return "".join(f"<pre tabindex=0>{text}</pre>" for text in texts)
