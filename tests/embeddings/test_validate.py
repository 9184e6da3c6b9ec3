"""Whatever is wrong with a catalog, the validator names it, and goes on to the next."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from embeddings.cli import main
from embeddings.errors import CatalogCorrupt, CatalogNotFound, InputInvalid
from embeddings.registry.push import push
from embeddings.registry.remembered import remember
from embeddings.registry.stores import tries
from embeddings.store import roots as store
from embeddings.store.companions import companions
from embeddings.store.tables import write_vectors_hdf5, write_vectors_parquet
from embeddings.validation import validate
from testing.attacks import replace_file, replace_manifest, sealed
from testing.composition_encoders import content_of, tensors, write_toy_encoder
from testing.registries import KINDS, place
from testing.servers.files import Asked, Reply, file_reply, file_server
from testing.toys import toy_provenance, toy_table, write_toy
from testing.vector_files import write_structures

Mutation = Callable[[Path], object]

ROOT = store.packaged_root()


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with a catalog of each kind, written once."""
    root = tmp_path_factory.mktemp("written")
    training = replace(toy_provenance().training, n_structures=100)
    write_toy(root, training=training)
    write_toy_encoder(root, training=training)
    return root


@pytest.fixture
def root(written: Path, tmp_path: Path) -> Path:
    """A copy of that root of this test's own."""
    return Path(shutil.copytree(written, tmp_path / "root"))


def stating(*at: str | int, value: Any) -> Mutation:
    """Return what changes one value of the manifest and seals it again."""
    return lambda folder: replace_manifest(folder, at, value)


def without(*fields: str) -> Mutation:
    """Return what removes a field from the manifest and seals it again."""

    def remove(folder: Path) -> None:
        document = inner = json.loads((folder / "manifest.json").read_text())
        for field in fields[:-1]:
            inner = inner[field]
        del inner[fields[-1]]
        (folder / "manifest.json").write_text(sealed(document))

    return remove


def in_place(change: Callable[[str], str]) -> Mutation:
    """Return what changes the text of the manifest and leaves its seal."""

    def edit(folder: Path) -> None:
        path = folder / "manifest.json"
        path.write_text(change(path.read_text()))

    return edit


def table_of(**changes: Any) -> Mutation:
    """Return what writes other columns to vectors.parquet, and lists them as if they belonged there."""

    def write(folder: Path) -> None:
        table = pq.read_table(folder / "vectors.parquet")
        for name, column in changes.items():
            place = table.column_names.index(name) if name in table.column_names else None
            if column is None:
                table = table.drop_columns([name])
            elif place is None:
                table = table.append_column(name, column)
            else:
                table = table.set_column(place, name, column)
        _list(folder, "vectors.parquet", table)

    return write


def formulas(*spelled: str) -> Mutation:
    """Return what writes other formulas to an encoder's folder."""
    return lambda folder: _list(folder, "formulas.parquet", pa.table({"formula": list(spelled)}))


def _list(folder: Path, name: str, table: pa.Table) -> None:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    replace_file(folder, name, sink.getvalue().to_pybytes())


def rewritten(name: str, **changes: Any) -> Mutation:
    """Return what writes another table in one format only."""
    write = write_vectors_parquet if name.endswith("parquet") else write_vectors_hdf5

    def change(folder: Path) -> None:
        write(folder.parent / "other", toy_table(**changes), {"name": "toy", "version": "0.1.0"})
        replace_file(folder, name, (folder.parent / "other").read_bytes())

    return change


def named(name: str, /, **about: str) -> Mutation:
    """Return what lets a file say that it is something else."""
    write = write_vectors_parquet if name.endswith("parquet") else write_vectors_hdf5

    def change(folder: Path) -> None:
        write(folder.parent / "other", toy_table(), about)
        replace_file(folder, name, (folder.parent / "other").read_bytes())

    return change


def flipped(name: str) -> Mutation:
    """Return what changes one byte of a file."""

    def flip(folder: Path) -> None:
        content = bytearray((folder / name).read_bytes())
        content[len(content) // 2] ^= 1
        (folder / name).write_bytes(content)

    return flip


def truncated(name: str) -> Mutation:
    return lambda folder: os.truncate(folder / name, 10)


def removed(name: str) -> Mutation:
    return lambda folder: (folder / name).unlink()


def unlisted(name: str) -> Mutation:
    """Return what removes a file and its entry."""

    def remove(folder: Path) -> None:
        files = json.loads((folder / "manifest.json").read_text())["files"]
        (folder / name).unlink()
        replace_manifest(folder, ("files",), [entry for entry in files if entry["path"] != name])

    return remove


def moved(to: str) -> Mutation:
    return lambda folder: folder.rename(folder.with_name(to))


def companion(name: str, content: str) -> Mutation:
    return lambda folder: (folder / name).write_text(content)


NAN = np.array([[1, 0], [0, 1], [-1, 0], [0, -1], [3, 4], [4, np.nan]], dtype=np.float32)
FLAT = pa.FixedSizeListArray.from_arrays(pa.array(NAN.ravel()), 2)
DOUBLE = pa.FixedSizeListArray.from_arrays(pa.array(np.nan_to_num(NAN).ravel().astype("f8")), 2)
RAGGED = pa.array([[1.0], [1.0, 2.0], [1.0], [1.0], [1.0], [1.0]], pa.list_(pa.float32()))
OTHER_CROISSANT = json.dumps({"distribution": [{"@id": "vectors.npy", "sha256": "0" * 64}]})

TOY: dict[str, tuple[Mutation, str]] = {
    "not JSON": (in_place(lambda text: text[:-3]), "not valid JSON"),
    "not an object": (in_place(lambda _: "[]\n"), "the document: expected an object"),
    "NaN": (in_place(lambda text: text.replace('"mae": 0.25', '"mae": NaN')), "NaN is not a JSON number"),
    "repeated field": (in_place(lambda t: t.replace('"name": "toy"', '"name": "toy",\n  "name": "toy"', 1)), "twice"),
    "broken seal": (in_place(lambda text: text.replace("Six elements", "Sixelements ")), "altered after it was"),
    "no seal": (in_place(lambda t: t[: t.rindex(",")] + "\n}\n"), "altered after it was written"),
    "other order": (in_place(lambda t: sealed(dict(reversed(json.loads(t).items())))), "not in the specified order"),
    "newer schema": (stating("schema_version", value=3), "schema_version: "),
    "unknown field": (stating("colour", value="red"), "colour: no such field"),
    "no license": (without("licence"), "licence: this field is missing"),
    "no attribution": (stating("licence", "attribution", value=""), "licence.attribution: expected a text that is not"),
    "no citation": (without("citation", "bibtex"), "citation.bibtex: this field is missing"),
    "no metrics": (without("metrics"), "metrics: this field is missing"),
    "no targets": (without("training", "targets"), "training.targets: this field is missing"),
    "bad name": (stating("name", value="Toy Vectors"), "name: expected a kebab-case name"),
    "bad version": (stating("version", value="1.0"), "version: expected a semantic version"),
    "bad time": (stating("created", value="yesterday"), "created: expected a UTC time"),
    "bad hash": (stating("fingerprint", value="abc"), "fingerprint: expected a SHA-256"),
    "bad kind": (stating("kind", value="molecule"), "kind: expected"),
    "bad dtype": (stating("dtype", value="float64"), "dtype: expected"),
    "bad format": (stating("files", 0, "format", value="npy"), "CARD.md is listed as npy"),
    "negative count": (stating("training", "dropped", value={"x": -1}), "training.dropped.x: expected a number >= 0"),
    "no elements": (stating("n_structures", value={"Xx": 1}), "n_structures .key.: expected an element symbol"),
    "other name": (stating("name", value="zoo"), "toy@0.1.0 belongs|says that it is"),
    "other version": (stating("version", value="0.2.0"), "0.1.0 belongs"),
    "other place": (moved("0.3.0"), "0.3.0 belongs"),
    "wrong width": (stating("dim", value=3), "rows disagree"),
    "wrong rows": (stating("n_rows", value=7), "n_rows: 7, and n_structures names 6"),
    "more than all": (stating("training", "n_structures", value=19), "n_structures.Fe: 20, and there were 19"),
    "missing and there": (stating("missing_elements", value=["Fe"]), "missing_elements: Fe have training structures"),
    "metric of nothing": (stating("training", "targets", value={"x": "eV"}), "metrics.energy: training.targets has no"),
    "other unit": (stating("metrics", "energy", "unit", value="J"), 'metrics.energy.unit: "J"'),
    "file gone": (removed("vectors.h5"), "vectors.h5 .*No such file"),
    "file not listed": (unlisted("vectors.h5"), "A catalog of kind element needs it"),
    "card not listed": (unlisted("CARD.md"), "A catalog of kind element needs it"),
    "digest not listed": (unlisted("training_formulas.npy"), "training_formulas.npy.*needs it"),
    "file too many": (companion("notes.txt", "mine"), "notes.txt is not listed"),
    "file altered": (flipped("vectors.npy"), "vectors.npy is not what its manifest says"),
    "file cut": (truncated("vectors.parquet"), "vectors.parquet is not what its manifest says"),
    "card altered": (flipped("CARD.md"), "CARD.md is not what its manifest says"),
    "no column": (table_of(symbol=None), "no column symbol"),
    "other type": (table_of(atomic_number=pa.array([1, 8, 11, 17, 26, 27], pa.int64())), "int64, not int16"),
    "double vectors": (table_of(vector=DOUBLE), "double.*not fixed_size_list<float32>"),
    "ragged vectors": (table_of(vector=RAGGED), "list<.*not fixed_size_list|instead of fixed_size_list"),
    "NaN vector": (table_of(vector=FLAT), "Co has a vector that is not finite"),
    "wrong symbols": (table_of(symbol=pa.array(["H", "O", "Na", "Cl", "Co", "Fe"])), "symbols that do not belong"),
    "descending": (table_of(atomic_number=pa.array([27, 26, 17, 11, 8, 1], pa.int16())), "must ascend"),
    "other rows in Parquet": (rewritten("vectors.parquet", vectors=np.ones((6, 2))), "other rows than the other files"),
    "other rows in HDF5": (rewritten("vectors.h5", vectors=np.ones((6, 2))), "other rows than the other files"),
    "Parquet of another": (named("vectors.parquet", name="zoo"), "says that it is zoo"),
    "HDF5 of another": (named("vectors.h5", name="toy", version="9.0.0"), "says that it is toy@9.0.0"),
    "bad emb": (named("vectors.parquet", emb='{"model": "x"}'), "Its entry emb lacks type, dimensions"),
    "emb that is no JSON": (named("vectors.parquet", emb="none"), "Its entry emb is not JSON"),
    "other croissant": (companion("croissant.json", OTHER_CROISSANT), "its hash is not that of the manifest"),
    "empty croissant": (companion("croissant.json", "{}"), "does not describe the files"),
}  # fmt: skip

ENCODER: dict[str, tuple[Mutation, str]] = {
    "no statistics": (without("model", "hyperparameters", "statistics"), "needs statistics, which is missing"),
    "other width": (stating("dim", value=5), "have 4 numbers, and the manifest says 5"),
    "no formulas": (unlisted("formulas.parquet"), "A catalog of kind composition-encoder needs it"),
    "no network": (unlisted("encoder.safetensors"), "A catalog of kind composition-encoder needs it"),
    "other formulas": (formulas("FeO", "H2O", "NaCl", "UO2"), "holds other formulas than training_formulas.npy"),
    "fewer formulas": (formulas("FeO"), "has 1 formula, not 4"),
    "formulas unsorted": (formulas("NaCl", "FeO", "Fe2O3", "H2O"), "not sorted"),
    "formulas not reduced": (formulas("FeO", "Fe4O6", "H2O", "NaCl"), "'Fe4O6' is not a canonical reduced formula"),
    "weights NaN": (
        lambda folder: replace_file(
            folder, "encoder.safetensors", content_of(tensors() | {"layers.0.bias": np.full(12, np.nan, np.float32)})
        ),
        "not numbers|NaN",
    ),
    "tensor missing": (
        lambda folder: replace_file(
            folder, "encoder.safetensors", content_of({k: v for k, v in tensors().items() if k != "elements"})
        ),
        "lacks elements",
    ),
}


def check_rejected(folder: Path, expected: str) -> None:
    """Check that the validator names what is wrong, in Python and on the command line, without a traceback."""
    import re

    (found,) = folder.parent.glob("[0-9]*")
    report = validate(found)
    assert not report.ok
    assert any(re.search(expected, f"{error.place} {error.message}") for error in report.errors), report.errors


@pytest.mark.parametrize("name", TOY)
def test_mutated_catalog_is_rejected(name: str, root: Path) -> None:
    mutate, expected = TOY[name]
    mutate(root / "toy" / "0.1.0")
    check_rejected(root / "toy" / "0.1.0", expected)


@pytest.mark.parametrize("name", ENCODER)
def test_mutated_encoder_is_rejected(name: str, root: Path) -> None:
    mutate, expected = ENCODER[name]
    mutate(root / "toy-encoder" / "0.1.0")
    check_rejected(root / "toy-encoder" / "0.1.0", expected)


def index_with(**changes: Any) -> Mutation:
    """Return what changes the entry of the toy in the index."""

    def change(root: Path) -> None:
        path = root / "index.json"
        document = json.loads(path.read_text())
        document["catalogs"]["toy"] |= changes
        path.write_text(json.dumps(document))

    return change


INDEX: dict[str, tuple[Mutation, str]] = {
    "no index": (lambda root: (root / "index.json").write_text("{"), "not an index"),
    "not there": (index_with(versions=["0.1.0", "0.2.0"]), "lists 0.1.0, 0.2.0, and the folder holds 0.1.0"),
    "default not there": (index_with(default="0.2.0"), "'0.2.0' is not among its versions"),
    "no versions": (index_with(versions=None), "expected a list of semantic versions"),
    "other license": (index_with(licence="CC0-1.0"), "toy.licence: 'CC0-1.0', and the manifest says 'CC-BY-4.0'"),
    "other rows": (index_with(n_rows=7), "toy.n_rows: 7, and the manifest says 6"),
    "not listed": (lambda root: write_toy(root / "toy" / "x") and shutil.move(root / "toy" / "x" / "toy", root / "zoo"),
                   "zoo is not listed|toy@0.1.0"),
}  # fmt: skip


RELEASE = {"seal": "0" * 64, "archive_sha256": "1" * 64, "archive_bytes": 3}
INDEX |= {
    "releases of no form": (index_with(releases=[]), "toy.releases: expected an object"),
    "release of nothing": (index_with(releases={"0.2.0": RELEASE}), r"toy.releases.0.2.0: there is no such version"),
    "release without a seal": (index_with(releases={"0.1.0": {}}), r"toy.releases.0.1.0.seal: this field is missing"),
    "release with more": (index_with(releases={"0.1.0": RELEASE | {"x": 1}}), "no such field"),
    "other seal": (index_with(releases={"0.1.0": RELEASE}), "toy.releases.0.1.0.seal: 000000000000, and the manifest"),
}


def with_archive(content: bytes) -> Mutation:
    """Return what releases the toy and puts this in the place of its archive."""

    def change(root: Path) -> None:
        seal = json.loads((root / "toy" / "0.1.0" / "manifest.json").read_text())["manifest_sha256"]
        index_with(releases={"0.1.0": RELEASE | {"seal": seal}})(root)
        (root / "toy" / "toy-0.1.0.zip").write_bytes(content)

    return change


INDEX |= {
    "other archive": (with_archive(b"abc"), "archive_sha256: 111111111111, and toy-0.1.0.zip has ba7816bf8f01"),
    "shorter archive": (with_archive(b"ab"), "archive_bytes: 3, and toy-0.1.0.zip has 2"),
}


@pytest.mark.parametrize("name", INDEX)
def test_mutated_root_is_rejected(name: str, root: Path) -> None:
    import re

    mutate, expected = INDEX[name]
    mutate(root)
    report = validate(root)
    assert any(re.search(expected, error.message) for error in report.errors), report.findings


def test_genuine_catalogs_are_valid(root: Path) -> None:
    assert validate(root).findings == ()
    for folder in root.glob("*/0.1.0"):
        for name, content in companions(folder).items():
            (folder / name).write_bytes(content)
    report = validate(root)
    assert (report.kind, report.ok, report.findings) == ("root", True, ())


@pytest.mark.parametrize("name", ["starter", "cromel-band-gap"])
def test_packaged_catalogs_are_valid(name: str) -> None:
    (folder,) = (ROOT / name).glob("*")
    assert validate(folder).ok


def test_everything_is_named_not_the_first_alone(root: Path) -> None:
    folder = root / "toy" / "0.1.0"
    for mutate in (without("licence"), without("training", "seed"), stating("dim", value=0), table_of(symbol=None)):
        mutate(folder)
    messages = [error.message for error in validate(folder).errors]
    assert [message.partition(":")[0] for message in messages[:3]] == ["licence", "training.seed", "dim"]
    assert any("no column symbol" in message for message in messages)


def test_table_of_somebody_else(tmp_path: Path) -> None:
    path = tmp_path / "theirs.parquet"
    pq.write_table(pa.table({"element": ["H"], "atomic_number": [1], "vector": [[0.1, 0.2]]}), path)
    report = validate(path)
    messages = [error.message for error in report.errors]
    assert messages[:3] == [
        "Its column atomic_number is int64, not int16.",
        "It has no column symbol (string).",
        "Its column vector is list<element: double>, not fixed_size_list<float32>.",
    ]
    assert [finding.is_error for finding in report.findings][-1] is False


def test_file_of_structure_vectors(tmp_path: Path) -> None:
    path = write_structures(tmp_path / "vectors.parquet", ["a", "b"], ["NaCl", "FeO"], np.ones((2, 3)))
    assert validate(path).findings == ()
    content = bytearray(path.read_bytes())
    content[20] ^= 1
    path.write_bytes(content)
    assert validate(path).ok in (True, False)  # without a seal, a page may still be read


def test_command(root: Path) -> None:
    run = partial(CliRunner().invoke, main, prog_name="embeddings")
    folder = root / "toy" / "0.1.0"
    assert run(["validate", str(folder)]).output == f"Valid version: {folder}\n"
    replace_manifest(folder, ("citation", "doi"), None)
    assert run(["validate", str(folder)]).output.endswith("with 1 piece of advice\n")
    replace_manifest(folder, ("dim",), 0)
    result = run(["validate", str(folder), "--json"])
    assert (result.exit_code, json.loads(result.stdout)["ok"]) == (1, False)
    assert result.stderr == (
        f"Error: {folder} deviates from docs/format.md. manifest.json: dim: expected a number >= 1, got 0.\n"
    )


@pytest.mark.parametrize(
    ("path", "error", "expected"),
    [
        (".", CatalogNotFound, "neither the folder of a version"),
        ("nowhere", CatalogNotFound, "nowhere is neither .* embeddings show NAME prints the folder"),
        ("file:///no/where", CatalogNotFound, "file:///no/where is neither"),
        ("hf://only", InputInvalid, "does not name a repository"),
        ("no-such-scheme://host/x", InputInvalid, "cannot be opened"),
        ("nobody:toy@0.1.0", CatalogNotFound, "nobody"),
    ],
)
def test_nothing_to_validate(
    path: str, error: type[Exception], expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=expected):
        validate(path)


@pytest.fixture
def served(root: Path) -> Iterator[str]:
    """The address of a server that gives what is below the root."""
    with file_server(root) as server:
        yield server.origin


def test_addresses(served: str, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [validate(f"{served}/{part}").kind for part in ("", "toy/0.1.0", "toy/0.1.0/vectors.parquet")] == [
        "root", "version", "file",
    ]  # fmt: skip
    assert validate(served).ok
    with pytest.raises(CatalogNotFound, match="neither"):
        validate(f"{served}/toy")
    replace_manifest(root / "toy" / "0.1.0", ("files", 1, "path"), "..")
    assert not validate(f"{served}/toy/0.1.0").ok
    monkeypatch.setattr(tries, "pause", lambda seconds: None)
    with pytest.raises(CatalogCorrupt, match="cannot be read"):
        validate("http://127.0.0.1:9/toy")


@pytest.mark.parametrize("name", ["a b.npy", "caf\xe9.npy", "a?b.npy", "a\x00.npy", "\ud800.npy", "README.md"])
def test_names_of_files_that_no_server_is_asked_for(name: str) -> None:
    body = json.dumps({"files": [{"path": name, "bytes": 3}]}).encode()
    with file_server(
        lambda asked, content: Reply(200, body=body) if "manifest" in asked.path else Reply(404)
    ) as server:
        assert not validate(f"{server.origin}/toy").ok
        assert not [path for path in server.paths if "npy" in path]


def test_a_server_that_breaks_off_is_asked_again(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tries, "pause", lambda seconds: None)
    left = iter([10, -1])

    def answer(asked: Asked, content: bytes) -> Reply:
        reply = file_reply(root, asked)
        reply.sent = next(left, None) if asked.path.endswith("vectors.npy") else None
        return reply

    with file_server(answer) as server:
        assert validate(f"{server.origin}/toy/0.1.0").ok
        assert server.paths.count("/toy/0.1.0/vectors.npy") == 3


@pytest.mark.parametrize("url", ["http://host/a b", "http://me:secret@host/x", "https://host/x?token=secret"])
def test_addresses_that_are_refused(url: str) -> None:
    with pytest.raises(InputInvalid) as caught:
        validate(url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_registry_is_validated_at_its_place(
    kind: str, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with place(kind, tmp_path / "registry", monkeypatch) as there:
        for name in ("toy", "toy-encoder"):
            push(root / name / "0.1.0", there.write_url)
        remember("lab", there.url)
        for address, found in {
            there.url: "root", f"{there.url}/toy/0.1.0": "version", f"{there.url}/toy@0.1.0": "version",
            "lab:toy-encoder@0.1.0": "version", f"{there.url}/toy/0.1.0/vectors.parquet": "file",
        }.items():  # fmt: skip
            report = validate(address)
            assert (report.kind, report.ok) == (found, True), report.findings
        for address in (f"{there.url}/toy", "lab:toy"):
            with pytest.raises(CatalogNotFound, match="neither"):
                validate(address)


def test_what_is_wrong_in_a_bucket_is_listed(root: Path) -> None:
    fsspec = pytest.importorskip("fsspec")
    system, url = fsspec.filesystem("memory"), f"memory://wrong-{os.getpid()}"
    replace_manifest(root / "toy" / "0.1.0", ("dim",), 3)
    system.put(str(root), url.removeprefix("memory:/"), recursive=True)
    findings = validate(url).findings
    assert {finding.place.partition("/")[0] for finding in findings if finding.is_error} >= {"toy", "index.json"}
