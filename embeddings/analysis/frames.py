"""Results as data frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from embeddings.errors import needs

if TYPE_CHECKING:
    import pandas


def data_frame(columns: Mapping[str, Sequence[Any]], index: Sequence[str], name: str) -> pandas.DataFrame:
    """Return columns as a data frame with a named index.

    Raises:
        MissingExtra: pandas is not installed.
    """
    with needs("pandas", "sklearn"):
        import pandas as pd
    return pd.DataFrame(dict(columns), index=pd.Index(list(index), name=name))
