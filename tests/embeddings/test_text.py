"""Text of others is shown without steering the terminal, whatever it holds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embeddings.display.text import is_plain, one_line, printable, shortened


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Fe₂O₃, façon naïve 中 🧪", "Fe₂O₃, façon naïve 中 🧪"),
        ("a\x1b[31mred", r"a\x1b[31mred"),
        ("\x9b31m\x7f\x00", r"\x9b31m\x7f\x00"),
        ("gpj\u202e.exe\u2066", r"gpj\u202e.exe\u2066"),
        ("a\ud800b\ufeff\u2028", r"a\ud800b\ufeff\u2028"),
    ],
)
def test_what_steers_is_spelled_out(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert is_plain(text) == (text == shown)


@given(st.text(st.characters()))
def test_everything_can_be_shown(text: str) -> None:
    assert is_plain(printable(text))
    assert printable(printable(text)) == printable(text)
    assert len(one_line(text).encode().splitlines()) <= 1
    assert len(shortened(text)) <= 60
