"""The recipe for adding a method works as it is written, down to the manifest."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from textwrap import dedent

import numpy as np
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from builders import methods
from embeddings import load_encoder, load_uae
from embeddings.cli import main
from embeddings.errors import InputInvalid
from testing.crystals import write_sample

PAGE = Path(__file__).parents[2] / "docs" / "add-a-method.md"
PACKAGE = "company_of_the_page"


@pytest.fixture
def recipe_of_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Follow the page in a folder of its own, and return the name of its recipe."""
    text = PAGE.read_text(encoding="utf-8")
    blocks = [dedent(block) for block in re.findall(r"^   ```python\n(.*?)^   ```", text, re.DOTALL | re.MULTILINE)]
    recipes, method, entry = blocks
    folder = tmp_path / PACKAGE
    folder.mkdir()
    (folder / "__init__.py").write_text('"""By company."""\n')
    (folder / "recipes.py").write_text(recipes)
    (folder / "method.py").write_text(method)
    monkeypatch.syspath_prepend(str(tmp_path))
    (name,) = eval(f"{{{entry}}}")
    monkeypatch.setitem(methods.METHODS, name, PACKAGE)
    yield name
    for module in [module for module in sys.modules if module.startswith(PACKAGE)]:
        del sys.modules[module]


def test_a_name_of_two_recipes_is_refused(
    recipe_of_the_page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the later method would take the place of the earlier one."""
    monkeypatch.setitem(methods.METHODS, "another", PACKAGE)
    with pytest.raises(ValueError, match=f'Both .* and another have a recipe "{recipe_of_the_page}"'):
        methods.recipes()
    monkeypatch.delitem(methods.METHODS, recipe_of_the_page)
    with pytest.raises(ValueError, match="of another"):
        methods.recipes()


def test_the_recipe_for_adding_a_method(recipe_of_the_page: str, tmp_path: Path, own_cache: Path) -> None:
    sample = write_sample(tmp_path / "sample.parquet", 60)
    command = ["build", "--source", "table", "--path", str(sample), "--recipe", recipe_of_the_page, "--quiet"]
    first = CliRunner().invoke(main, command)
    assert first.exit_code == 0, first.output
    catalog = load_uae("company")
    manifest = catalog.manifest
    assert (manifest.model.name, manifest.model.hyperparameters["dim"]) == ("company", 16)
    assert "--recipe company" in manifest.command
    assert manifest.metrics["band_gap"].n > 0
    assert np.isfinite(catalog.vectors).all()
    formulas = pq.read_table(sample)["formula"].to_pylist()
    assert 0 < len(catalog.overlap(formulas)) < len(set(formulas))  # those held out were not seen
    assert "already" in CliRunner().invoke(main, command[:-1]).stderr.lower()
    with pytest.raises(InputInvalid, match="load_uae"):  # as the page says
        load_encoder("company")


def test_every_method_has_recipes_and_one_protocol() -> None:
    recipes = methods.recipes()
    assert {recipe.method for recipe in recipes.values()} == set(methods.METHODS)
    assert all(name == recipe.name for name, recipe in recipes.items())
    for name in methods.METHODS:
        assert methods.method_of(name).name == name


def test_an_unknown_method_names_those_there_are() -> None:
    with pytest.raises(InputInvalid, match="crystal-transformer"):
        methods.method_of("crystal-transfromer")
