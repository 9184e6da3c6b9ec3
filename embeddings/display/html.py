"""What a notebook shows of an object: a title and a small table, escaped, without styles or scripts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from embeddings.display.text import printable, shortened


def facts_table(title: str, facts: Mapping[str, object]) -> str:
    """Return a small HTML table: a row for each fact that has a value.

    Args:
        title: a caption, such as the name of a catalog.
        facts: what -> value; values are shortened to a line.
    """
    from html import escape  # brings a table of 2,000 names, which no load needs

    rows = "".join(
        f"<tr><th>{escape(what)}</th><td>{escape(shortened(str(value), 120))}</td></tr>"
        for what, value in facts.items()
        if value not in (None, "")
    )
    return f"<table><caption>{escape(printable(title))}</caption><tbody>{rows}</tbody></table>"


def html_table(title: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table with a caption and a header."""
    from html import escape

    header = "".join(f"<th>{escape(text)}</th>" for text in head)
    body = "".join(f"<tr>{''.join(f'<td>{escape(text)}</td>' for text in row)}</tr>" for row in rows)
    caption = f"<caption>{escape(printable(title))}</caption>"
    return f"<table>{caption}<thead><tr>{header}</tr></thead><tbody>{body}</tbody></table>"
