"""The command: one table of others in, one catalog out, and everything that is not known said."""

from __future__ import annotations

import shlex
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from embeddings.adopt import list_tables, packaged_table
from embeddings.adopt.job import examine
from embeddings.errors import InputInvalid, MissingExtra
from embeddings.loaders import load_uae
from embeddings.store import roots as store
from embeddings.store.manifest import read_manifest
from testing.packages import install_tables
from testing.toys import write_toy
from tests.embeddings.adopt.conftest import TERMS, VECTORS, Run, csv_text


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_csv_becomes_a_catalog_that_does_what_catalogs_do(here: Path, run: Run) -> None:
    vectors = VECTORS.copy()
    vectors[3] = 0
    Path("t.csv").write_text(csv_text(vectors))
    result = run("import", "t.csv", "--name", "theirs", *TERMS)
    assert "theirs@1.0.0: 19 elements x 8, 1 left out, license MIT" in result.stdout
    assert "Warning: left out (--keep keeps rows whose cells are all numbers): Be: all zeros." in result.stderr
    run("verify", "theirs")
    assert "unknown: a table that others made" in run("show", "theirs").stdout
    assert run("list").stdout.count("theirs") == 1
    assert "Fe" not in run("neighbors", "theirs", "H", "-k", 3).stdout
    for kind in ("csv", "json", "cgcnn", "hdf5"):
        run("export", "theirs", "--to", kind, "-o", f"out.{kind}")
    uae = load_uae("theirs")
    assert np.array_equal(uae["Na"], vectors[10])
    assert dict(uae.n_structures) == {}
    with pytest.raises(InputInvalid, match=r"imported from t\.csv.*unknown, and so is its overlap"):
        uae.overlap(["NaCl"])
    with pytest.raises(LookupError, match=r"Be has no vector .* it was left out \(all zeros\)"):
        uae["Be"]
    with pytest.raises(LookupError, match="the table has no row for it"):
        uae["Og"]


def test_it_plots_and_explores(here: Path, run: Run) -> None:
    pytest.importorskip("plotly")
    Path("t.csv").write_text(csv_text())
    run("import", "t.csv", "--name", "theirs", *TERMS)
    run("plot", "theirs", "--kind", "ptable", "--color", "block", "-o", "t.html")
    assert (
        "does not count its training structures"
        in run("plot", "theirs", "--kind", "ptable", "--color", "n_structures", "-o", "u.html", code=1).output
    )


def test_the_same_import_gives_the_same_bytes(here: Path, run: Run) -> None:
    Path("t.csv").write_text(csv_text())
    for root in ("a", "b"):
        run("import", "t.csv", "--name", "theirs", *TERMS, "--out", root)
    assert files(Path("a")) == files(Path("b"))


def test_the_manifest_says_what_is_known_and_what_is_not(here: Path, run: Run) -> None:
    Path("t.csv").write_text(csv_text())
    run("import", "t.csv", "--name", "theirs", "--licence", "cc-by-4.0", "--citation", "https://doi.org/10.1000/x1",
        "--model", "word2vec", "--training", "3 million abstracts", "--description", "Words.")  # fmt: skip
    manifest = read_manifest(store.resolve("theirs"))
    assert (manifest.schema_version, manifest.licence.spdx, manifest.citation.doi) == (2, "CC-BY-4.0", "10.1000/x1")
    assert (manifest.model.name, manifest.training.source) == ("word2vec", "3 million abstracts")
    assert (manifest.training.n_structures, manifest.training.seed, manifest.n_structures) == (None, None, {})
    assert manifest.table is not None
    assert (manifest.table.source, manifest.table.training) == ("t.csv", "unknown")
    with pytest.raises(InputInvalid, match="unknown"):
        load_uae("theirs").overlap(["NaCl"])


def test_the_command_in_the_manifest_gives_the_same_import(here: Path, run: Run) -> None:
    Path("t.csv").write_text(csv_text())
    run("import", "t.csv", "--name", "theirs", *TERMS, "--model", "word2vec", "--training", "3 million abstracts",
        "--description", "Words of others.", "--attribution", "Thank them.", "--drop-column", "7",
        "--keep", "H")  # fmt: skip
    before = files(here)
    run(*shlex.split(read_manifest(store.resolve("theirs")).command)[1:])
    assert files(here) == before


def test_stray_files_have_no_counts(here: Path, run: Run) -> None:
    import pyarrow.parquet as pq

    Path("t.csv").write_text(csv_text())
    run("import", "t.csv", "--name", "theirs", *TERMS)
    folder = store.resolve("theirs")
    assert pq.read_schema(folder / "vectors.parquet").names == ["atomic_number", "symbol", "vector"]
    assert np.load(folder / "vectors.npy").dtype.names == ("atomic_number", "vector")


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ((), "needs a name"),
        (("--name", "theirs"), "needs --license"),
        (("--name", "theirs", "--licence", "MIT"), "needs --citation"),
        (("--name", "theirs", "--licence", "Apache 2", "--citation", "10.1000/x"), "not an SPDX license"),
        (("--name", "theirs", "--licence", "MIT", "--citation", "somebody"), 'no DOI, give an entry, such as "@misc{'),
        (("--name", "theirs", "--licence", "MIT", "--citation", "~nobody"), "is not a DOI"),
        (("--name", "Theirs", *TERMS), "not a catalog's name"),
        (("--name", "../theirs", *TERMS), "not a catalog's name"),
        (("--name", "theirs", *TERMS, "--version", "1"), "not a catalog's version"),
        (("--name", "theirs", *TERMS, "--keep", "Xx"), "not an element symbol"),
        (("--name", "theirs", *TERMS, "--drop-column", "zzz"), 'no column "zzz"'),
    ],
)
def test_wrong_options_are_named_and_write_nothing(args: tuple[str, ...], says: str, here: Path, run: Run) -> None:
    Path("t.csv").write_text(csv_text())
    result = run("import", "t.csv", *args, code=1)
    assert says in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert [path.name for path in here.iterdir()] == ["t.csv"]


def test_names_that_are_taken(here: Path, run: Run) -> None:
    Path("t.csv").write_text(csv_text())
    write_toy(here / "packaged")
    assert "the name is taken" in run("import", "t.csv", "--name", "toy", "--version", "9.0.0", *TERMS, code=1).stderr
    run("import", "t.csv", "--name", "theirs", *TERMS)
    before = files(here)
    run("import", "t.csv", "--name", "theirs", *TERMS)
    assert files(here) == before
    Path("other.csv").write_text(csv_text(VECTORS + 1))
    before = files(here)
    assert "never edited" in run("import", "other.csv", "--name", "theirs", *TERMS, code=1).stderr
    assert files(here) == before
    run("import", "t.csv", "--name", "theirs", "--version", "1.1.0", *TERMS)
    assert load_uae("theirs").version == "1.1.0"
    run("import", "t.csv", "--name", "theirs", *TERMS, "--force")


def test_a_table_of_a_package_brings_its_version_its_licence_and_its_citation(
    here: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = {"Null": [0.0, 0.0], "H": [1.0, 2.0], "O": [3.0, 4.0]}
    install_tables(here / "site", {"small": rows}, monkeypatch)
    assert run("import", "--from", "element-embeddings").stdout == "small\n"
    result = run("import", "--from", "element-embeddings", "small")
    assert "Not elements, so left out: Null" in result.stderr
    manifest = load_uae("element-embeddings-small").manifest
    assert manifest.licence.spdx == "MIT"
    assert manifest.citation.bibtex == "@misc{small,title={Small}}"
    assert manifest.table is not None
    assert manifest.table.source == "ElementEmbeddings 9.8.7: small"
    assert manifest.command == (
        "embeddings import --from element-embeddings small --name element-embeddings-small --version 1.0.0"
    )
    assert "goes with a file" in run("import", "--from", "element-embeddings", "small", "--array", "x", code=2).stderr
    freer = ("--name", "free", "--licence", "CC0-1.0")
    assert "allows more than MIT" in run("import", "--from", "element-embeddings", "small", *freer, code=1).stderr
    run("import", "--from", "element-embeddings", "small", "--name", "named", "--licence", "CC-BY-4.0")
    error = run("import", "--from", "element-embeddings", "smal", code=1).stderr
    assert 'Did you mean "small"?' in error


def test_a_package_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("embeddings.adopt.packages.find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match="aviary-models is not installed"):
        list_tables("aviary")


def _need(module: str) -> None:
    if find_spec(module) is None:
        pytest.skip(f"{module} is not installed")


UNTRAINED = {"Po", "At", "Rn", "Fr", "Ra"}
"""The elements that MEGNet was not trained on, by its own documentation."""


@pytest.mark.parametrize(
    ("package", "name", "module"),
    [
        ("element-embeddings", "megnet16", "elementembeddings"),
        ("matminer", "megnet_el", "matminer"),
        ("aviary", "megnet16", "aviary"),
    ],
)
def test_what_megnet_was_not_trained_on_is_found(package: str, name: str, module: str) -> None:
    _need(module)
    found = examine(packaged_table(package, name).table, skip_unknown=True)
    assert set(found.left_out) == UNTRAINED
    assert len(found.rows.symbols) == 89


def test_every_table_of_element_embeddings_is_imported(here: Path, run: Run) -> None:
    _need("elementembeddings")
    names = list_tables("element-embeddings")
    assert len(names) >= 20
    for name in names:
        run("import", "--from", "element-embeddings", name)
        assert load_uae(f"element-embeddings-{name}".replace("_", "-")).dim >= 1
