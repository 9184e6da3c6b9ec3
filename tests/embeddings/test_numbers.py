"""Counts as people read them: one thing is not several, and the verb agrees."""

from __future__ import annotations

import pytest

from embeddings.display.numbers import all_of, counted, none_of, share_of, span_of


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (counted(1, "row"), "1 row"),
        (counted(2_000, "row"), "2,000 rows"),
        (counted(0, "entry"), "0 entries"),
        (counted(2, "array"), "2 arrays"),
        (counted(2, "class"), "2 classes"),
        (counted(1, "row", "is"), "1 row is"),
        (counted(3, "more row", "follows"), "3 more rows follow"),
        (share_of(1, 12, "row", "has"), "1 of 12 rows has"),
        (share_of(3, 12, "row", "has"), "3 of 12 rows have"),
        (share_of(1, 1, "row", "was"), "1 of 1 row was"),
        (all_of(1, "row", "of a table", "is"), "The one row of a table is"),
        (all_of(12, "row", "", "is"), "All 12 rows are"),
        (none_of(0, "row", "of a table", "is"), "No row of a table is"),
        (none_of(1, "row", "of a table", "is"), "The one row of a table is not"),
        (none_of(1, "row", "", "can"), "The one row cannot"),
        (none_of(12, "row", "of a table", "can"), "None of the 12 rows of a table can"),
        (span_of("a", "b"), "a to b"),
        (span_of("a", "a"), "a"),
    ],
)
def test_counts_agree_with_their_nouns_and_verbs(said: str, expected: str) -> None:
    assert said == expected
