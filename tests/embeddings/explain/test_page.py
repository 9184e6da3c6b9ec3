"""The page of explanations: everything is in it, nothing breaks out, and nothing is fetched."""

from __future__ import annotations

from pathlib import Path

import pytest

from embeddings.errors import OutputInvalid
from embeddings.explain import explain
from embeddings.explain.models import Model

HOSTILE = "<script>document.title = 'hacked'</script>"


def test_it_names_the_choice_and_escapes_what_comes_from_elsewhere(tmp_path: Path) -> None:
    model = Model(lambda mixtures: mixtures.fractions[:, 7], HOSTILE, HOSTILE)
    found = explain(["Fe2O3", "MgO", "O"], model, background=["NaCl"], background_name=HOSTILE, amounts=True)
    found.write_html(tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert HOSTILE not in text
    assert "Absent elements are replaced by other formulas" in text
    assert text.count("<svg") == 2 + 3 + 3 + 2  # an overview, two formulas, and oxygen, which has no pairs
    assert "src=" not in text


def test_only_pages_are_written(tmp_path: Path) -> None:
    with pytest.raises(OutputInvalid, match=r"name it page\.html"):
        explain(["MgO"], lambda formulas: [1.0] * len(formulas), background=["NaCl"]).write_html(tmp_path / "page.txt")
