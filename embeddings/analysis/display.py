"""Results as tables: for notebooks, and for pandas."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from embeddings.errors import MissingExtra

if TYPE_CHECKING:
    import pandas


def html_table(title: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table with a title as HTML; text stays text."""
    header = "".join(f"<th>{escape(text)}</th>" for text in head)
    body = "".join(f"<tr>{''.join(f'<td>{escape(text)}</td>' for text in row)}</tr>" for row in rows)
    return f"<div><p>{escape(title)}</p><table><thead><tr>{header}</tr></thead><tbody>{body}</tbody></table></div>"


def data_frame(columns: Mapping[str, Sequence[Any]], index: Sequence[str], name: str) -> pandas.DataFrame:
    """Return columns as a data frame with a named index.

    Raises:
        MissingExtra: pandas is not installed.
    """
    try:
        import pandas as pd
    except ImportError as error:
        raise MissingExtra.of("pandas", "sklearn") from error
    return pd.DataFrame(dict(columns), index=pd.Index(list(index), name=name))
