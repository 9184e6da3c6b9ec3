"""The order of versions; the rest of the index is tested where it is written and read."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from embeddings.errors import CatalogCorrupt
from embeddings.store.index import precedence, read_index

ASCENDING = [
    *("0.9.0", "0.10.0", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2"),
    *("1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "1.0.1", "1.2.0", "2.0.0", "10.0.0"),
]


def test_precedence_is_that_of_the_standard() -> None:
    shuffled = random.Random(0).sample(ASCENDING, len(ASCENDING))
    assert sorted(shuffled, key=precedence) == ASCENDING


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", '{"schema_version": 2, "catalogs": {}}', '{"schema_version": 1, "catalogs": {"a": 1}}'],
)
def test_what_is_no_index(tmp_path: Path, text: str) -> None:
    (tmp_path / "index.json").write_text(text)
    with pytest.raises(CatalogCorrupt, match=r"index\.json is not an index"):
        read_index(tmp_path)


def test_no_index_at_all(tmp_path: Path) -> None:
    assert read_index(tmp_path) == {}
