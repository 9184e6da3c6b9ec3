"""Vectors of structures, sites and elements through the command line, and everything that may go wrong on the way."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from builders import engines
from builders.embed import encoders, parts, targets, writing
from builders.engines.base import Part
from builders.methods.crystal_transformer.encoder import read_crystal_encoder
from builders.parts import pieces, run
from builders.progress import Reporter
from builders.runs.locks import only_one
from builders.structures.formulas import reduced_formulas_of
from builders.structures.table import read_structure_table
from embeddings import load_catalog, load_uae
from embeddings.cli import main
from embeddings.errors import OutputInvalid
from embeddings.store.roots import user_root
from testing.crystals import arrow_table, cscl, sample_crystals
from testing.encoders import write_encoder_catalog
from testing.engines import FakePool
from testing.processes import run_forked, start_forked
from testing.toys import write_toy


@pytest.fixture
def sample(tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Sixty crystals, one without volume, one known twice and one with plutonium; parts of 16; a catalog, toy."""
    write_encoder_catalog(user_root())
    monkeypatch.setattr(pieces, "AT_ONCE", 16)
    crystals, _ = sample_crystals(60)
    crystals[3] = (0 * crystals[3][0], *crystals[3][1:])
    crystals[20] = cscl(94, 8, 3.4)
    ids = [f"test-{k}" for k in range(60)]
    ids[50] = "test-2"
    metadata = {"name": "made up", "licence": "CC0-1.0", "attribution": "Nobody.", "database_version": "7"}
    table = arrow_table(crystals, material_id=pa.array(ids), band_gap=pa.array(np.arange(60.0)))
    pq.write_table(table.replace_schema_metadata(metadata), tmp_path / "sample.parquet")
    return tmp_path / "sample.parquet"


GOOD = [k for k in range(60) if k not in (3, 20, 50)]
DROPPED = {"duplicate_id": 1, "no_volume": 1, "element_not_covered": 1}


def arguments(sample: Path, level: str, out: Path) -> list[str]:
    return [
        *("embed", "--catalog", "toy", "--level", level, "--source", "table", "--path", str(sample)),
        *("-o", str(out), "--quiet"),
    ]


def embed(sample: Path, level: str, out: Path, *more: str) -> Result:
    return CliRunner().invoke(main, [*arguments(sample, level, out), *more])


def test_structures(sample: Path, tmp_path: Path) -> None:
    result = embed(sample, "structure", tmp_path / "v.parquet")
    assert result.exit_code == 0, result.output
    for said in ("57 structures of made up", "1 no_volume", "1 duplicate_id", "Pu in 1 structure", "CC0-1.0. Nobody."):
        assert said in result.stdout
    catalog = load_catalog(tmp_path / "v.parquet")
    table = read_structure_table(sample).take(np.array(GOOD))
    expected = read_crystal_encoder(user_root() / "toy" / "0.1.0").encode(table)
    np.testing.assert_allclose(catalog.lookup(table.material_ids), expected, atol=1e-5)  # type: ignore[union-attr]
    assert list(catalog) == table.material_ids.tolist()
    footer = catalog.footer  # type: ignore[union-attr]
    assert (footer.dropped, footer.uncovered) == (DROPPED, {"Pu": 1})
    assert (footer.database_version, footer.n_structures, footer.encoder) == ("7", 57, "toy@0.1.0")
    assert str(tmp_path) not in str(pq.read_schema(tmp_path / "v.parquet").metadata)


def test_what_is_left_out_is_named(sample: Path, tmp_path: Path) -> None:
    loud = [part for part in arguments(sample, "structure", tmp_path / "v.parquet") if part != "--quiet"]
    said = CliRunner().invoke(main, loud).stderr
    for name, reason in (("test-3", "no_volume"), ("test-2", "duplicate_id"), ("test-20", "element_not_covered")):
        assert re.search(rf"Left out as {reason}.*: {name}$", said, re.MULTILINE), said


def test_files_that_cannot_be_read_are_named(tmp_path: Path, own_cache: Path) -> None:
    write_encoder_catalog(user_root())
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "good.vasp").write_text("CsCl\n1\n4 0 0\n0 4 0\n0 0 4\nCs Cl\n1 1\nDirect\n0 0 0\n0.5 0.5 0.5\n")
    (folder / "bad.cif").write_text("nothing")
    out = str(tmp_path / "v.parquet")
    result = CliRunner().invoke(
        main, ["embed", "--catalog", "toy", "--source", "local", "--path", str(folder), "-o", out]
    )
    assert result.exit_code == 0, result.output
    assert re.search(r"^Left out as unreadable \(.*\): bad\.cif$", result.stderr, re.MULTILINE)
    assert re.search(r"is listed in .*rejected\.csv\.$", result.stderr, re.MULTILINE)
    assert "left out: 1 unreadable" in result.stdout


@pytest.mark.parametrize(
    ("n", "said"),
    [
        (1, "The one structure from t.parquet cannot be encoded: 1 element_not_covered"),
        (2, "None of the 2 structures from t.parquet can be encoded: 2 element_not_covered"),
    ],
)
def test_structures_none_of_which_can_be_encoded_are_counted(
    n: int, said: str, tmp_path: Path, own_cache: Path
) -> None:
    write_encoder_catalog(user_root())
    ids = pa.array([f"test-{k}" for k in range(n)])
    pq.write_table(arrow_table([cscl(94, 8, 3.4)] * n, material_id=ids), tmp_path / "t.parquet")
    result = embed(tmp_path / "t.parquet", "structure", tmp_path / "v.parquet")
    assert (result.exit_code, said in result.stderr) == (1, True), result.stderr
    assert not (tmp_path / "v.parquet").exists()


def test_names_that_mean_something_to_a_terminal_are_only_names(tmp_path: Path, own_cache: Path) -> None:
    write_encoder_catalog(user_root())
    flat = (np.diag([900, 900, 0.01]), *cscl(11, 17, 3.6)[1:])
    ids = pa.array(["[/bold]", "a\x1b[31m\nb", "good"])
    pq.write_table(arrow_table([flat, flat, cscl(11, 17, 3.6)], material_id=ids), tmp_path / "t.parquet")
    loud = [part for part in arguments(tmp_path / "t.parquet", "site", tmp_path / "v.parquet") if part != "--quiet"]
    result = CliRunner().invoke(main, loud)
    assert result.exit_code == 0, result.output
    assert r"[/bold], 'a\x1b[31m\nb'" in result.stderr


def test_sites_and_elements_agree_with_structures(sample: Path, tmp_path: Path) -> None:
    for level in ("structure", "site", "element"):
        result = embed(sample, level, tmp_path / f"{level}.parquet", "--json")
        assert result.exit_code == 0, result.output
        assert json.loads(result.stdout)["dropped"] == DROPPED
    structures, sites, elements = (load_catalog(tmp_path / f"{k}.parquet") for k in ("structure", "site", "element"))
    assert list(sites) == list(structures)
    by_element: dict[int, list[np.ndarray]] = {}
    for name in sites:
        np.testing.assert_allclose(sites[name].mean(0), structures[name], atol=1e-5)
        for z, vector in zip(sites.atomic_numbers(name).tolist(), sites[name], strict=True):  # type: ignore[union-attr]
            by_element.setdefault(z, []).append(vector)
    assert elements.atomic_numbers.tolist() == sorted(by_element)  # type: ignore[union-attr]
    means = np.array([np.mean(by_element[z], axis=0) for z in sorted(by_element)])
    centered = means - means.mean(axis=0)
    np.testing.assert_allclose(elements.vectors, centered * (0.1 / centered.std()), atol=1e-5)  # type: ignore[union-attr]
    rows = pq.read_table(tmp_path / "element.parquet")
    assert rows["n_sites"].to_pylist() == [len(by_element[z]) for z in sorted(by_element)]


def test_vectors_of_elements_are_those_of_a_catalog_of_the_same_structures(tmp_path: Path) -> None:
    """One convention, whether a build publishes them or they are made from structures of a user."""
    crystals, labels = sample_crystals(40)
    pq.write_table(arrow_table(crystals, **labels), tmp_path / "all.parquet")
    options = ["--source", "table", "--path", str(tmp_path / "all.parquet"), "--recipe", "ct-formation-energy"]
    result = CliRunner().invoke(main, ["build", *options, "--epochs", "1", "--name", "made", "--quiet"])
    assert result.exit_code == 0, result.output
    made = load_uae("made")
    table = read_structure_table(tmp_path / "all.parquet")
    seen = set(made.overlap(sorted(set(formulas := reduced_formulas_of(table)))))
    rows = [k for k, formula in enumerate(formulas) if formula in seen]
    trained_on = {name: [values[k] for k in rows] for name, values in labels.items()}
    pq.write_table(arrow_table([crystals[k] for k in rows], **trained_on), tmp_path / "seen.parquet")
    arguments = ["embed", "--catalog", "made", "--level", "element", "--source", "table"]
    arguments += ["--path", str(tmp_path / "seen.parquet"), "-o", str(tmp_path / "e.parquet")]
    assert CliRunner().invoke(main, arguments).exit_code == 0
    again = load_catalog(tmp_path / "e.parquet")
    assert again.atomic_numbers.tolist() == made.atomic_numbers.tolist()  # type: ignore[union-attr]
    np.testing.assert_allclose(again.vectors, made.vectors, atol=2e-3)  # type: ignore[union-attr]  # half precision
    assert made.vectors.std() == pytest.approx(0.1, rel=1e-3)


def test_one_element_alone_has_no_vector_that_tells_it_from_others(tmp_path: Path) -> None:
    write_encoder_catalog(user_root())
    pq.write_table(arrow_table([cscl(3, 3, 3.4), cscl(3, 3, 3.6)]), tmp_path / "lithium.parquet")
    result = embed(tmp_path / "lithium.parquet", "element", tmp_path / "e.parquet")
    assert result.exit_code == 1
    assert "Li alone is no different" in result.stderr
    assert not (tmp_path / "e.parquet").exists()


@pytest.mark.parametrize("level", ["structure", "site", "element"])
def test_an_interrupted_run_goes_on_to_the_same_bytes(
    level: str, sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, out = tmp_path / "whole.parquet", tmp_path / "out.parquet"
    assert embed(sample, level, whole).exit_code == 0
    make, made = parts.make_part, []

    def stop_at_the_third(*args: Any) -> Part:
        if len(made) == 2:
            raise KeyboardInterrupt
        made.append(args[-1].number)
        return make(*args)

    monkeypatch.setattr(parts, "make_part", stop_at_the_third)
    stopped = embed(sample, level, out)
    assert (stopped.exit_code, out.exists()) == (130, False)
    assert "resumes the run" in stopped.stderr
    next(user_root().parent.glob("embed/toy-*/part-00000.parquet")).write_bytes(b"damaged")
    made.clear()
    monkeypatch.setattr(parts, "make_part", lambda *args: made.append(args[-1].number) or make(*args))
    assert embed(sample, level, out).exit_code == 0
    assert made == [0, 2, 3]
    assert out.read_bytes() == whole.read_bytes()
    assert not list(user_root().parent.glob("embed/toy-*"))


@pytest.mark.slow
def test_a_killed_process_leaves_nothing_behind_and_is_taken_up(sample: Path, tmp_path: Path, own_cache: Path) -> None:
    out = tmp_path / "out.parquet"
    slow = (
        "import time; from builders.embed import parts as p; from builders.parts import pieces\n"
        "from embeddings.cli import main\n"
        "pieces.AT_ONCE, make = 4, p.make_part; p.make_part = lambda *a: (time.sleep(0.1), make(*a))[1]\n"
        f"main({arguments(sample, 'site', out)!r})"
    )
    process = start_forked(slow, [], os.environ | {"OMP_NUM_THREADS": "1"})
    while process.is_alive() and not list(own_cache.glob("embed/*/part-00001.parquet")):
        time.sleep(0.02)
    process.kill()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache", "sample.parquet"]
    run_forked(slow.replace("0.1)", "0)"), [])
    assert list(load_catalog(out)) == [f"test-{k}" for k in GOOD]


@pytest.mark.parametrize("level", ["structure", "site", "element"])
def test_workers_write_the_bytes_of_one_process(level: str, sample: Path, tmp_path: Path) -> None:
    one, two = tmp_path / "one.parquet", tmp_path / "two.parquet"
    assert embed(sample, level, one).exit_code == 0
    result = embed(sample, level, two, "--workers", "2")
    assert result.exit_code == 0, result.output
    assert two.read_bytes() == one.read_bytes()


def test_a_killed_driver_of_workers_is_taken_up_where_it_was(
    sample: Path, tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pieces, "AT_ONCE", 1)
    whole, out = tmp_path / "whole.parquet", tmp_path / "out.parquet"
    assert embed(sample, "structure", whole).exit_code == 0
    code = (
        "import sys; from builders.parts import pieces; from embeddings.cli import main; pieces.AT_ONCE = 1\n"
        f"main({[*arguments(sample, 'structure', out), '--workers', '2']!r})"
    )
    process = start_forked(code, [], os.environ | {"OMP_NUM_THREADS": "1"})
    while process.is_alive() and sum(map(_n_lines, own_cache.glob("embed/*/ledger.jsonl"))) < 7:
        time.sleep(0.01)
    process.kill()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    kept = {
        json.loads(line)["number"] for line in next(own_cache.glob("embed/*/ledger.jsonl")).read_text().splitlines()
    }
    made, make = set(), parts.make_part
    monkeypatch.setattr(parts, "make_part", lambda *args: made.add(args[-1].number) or make(*args))
    assert embed(sample, "structure", out).exit_code == 0
    assert out.read_bytes() == whole.read_bytes()
    assert len(kept) >= 7
    assert (kept & made, kept | made) == (set(), set(range(60)))


def _n_lines(path: Path) -> int:
    return path.read_bytes().count(b"\n")


def test_a_second_driver_is_refused_while_the_first_works(
    sample: Path, tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMBEDDINGS_WAIT_SECONDS", "0")
    assert embed(sample, "structure", tmp_path / "v.parquet").exit_code == 0
    folder = next(own_cache.glob("embed/.*.lock"))
    with only_one(
        folder.with_name(folder.name[1:].removesuffix(".lock")), OutputInvalid, "embedding", Reporter(quiet=True)
    ):
        refused = embed(sample, "structure", tmp_path / "other.parquet", "--workers", "2")
    assert (refused.exit_code, "Another process is embedding these very structures" in refused.stderr) == (1, True)


def test_what_is_left_of_a_torn_ledger_is_kept(
    sample: Path, tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, out = tmp_path / "whole.parquet", tmp_path / "out.parquet"
    assert embed(sample, "site", whole).exit_code == 0
    with monkeypatch.context() as patch:
        patch.setattr(targets.Target, "write", lambda *args: (_ for _ in ()).throw(KeyboardInterrupt))
        assert embed(sample, "site", out).exit_code == 130
    ledger = next(own_cache.glob("embed/*/ledger.jsonl"))
    first, second, third, last = ledger.read_text().splitlines(keepends=True)
    ledger.write_text(last + first.replace("part-00000", "part-00001") + third + second[:50])
    made, make = [], parts.make_part
    monkeypatch.setattr(parts, "make_part", lambda *args: made.append(args[-1].number) or make(*args))
    assert embed(sample, "site", out).exit_code == 0
    assert made == [0, 1]
    assert out.read_bytes() == whole.read_bytes()


def test_what_exists_is_kept_unless_forced(sample: Path, tmp_path: Path) -> None:
    out = tmp_path / "v.parquet"
    embed(sample, "structure", out)
    before = out.stat().st_mtime_ns, out.read_bytes()
    again = CliRunner().invoke(main, [part for part in arguments(sample, "structure", out) if part != "--quiet"])
    assert (again.exit_code, "Already there" in again.stderr) == (0, True)
    refused = embed(sample, "site", out)
    assert "holds other vectors (structure vectors by toy@0.1.0 of made up)" in refused.stderr
    assert (out.stat().st_mtime_ns, out.read_bytes()) == before
    assert embed(sample, "site", out, "--force").exit_code == 0
    out.write_text("my notes")
    assert "holds something else" in embed(sample, "site", out).stderr
    assert out.read_text() == "my notes"


def test_what_another_command_wrote_in_the_meantime_stays(
    sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, other, fill = tmp_path / "out.parquet", tmp_path / "other.parquet", run._fill
    assert embed(sample, "site", other).exit_code == 0
    monkeypatch.setattr(run, "_fill", lambda *args: (fill(*args), out.write_bytes(other.read_bytes())))
    late = embed(sample, "structure", out)
    assert (late.exit_code, "holds other vectors" in late.stderr) == (1, True)
    assert out.read_bytes() == other.read_bytes()


def test_a_snapshot_serves_as_well(sample: Path, tmp_path: Path) -> None:
    runner = CliRunner()
    pulled = runner.invoke(
        main, ["pull", "--source", "table", "--path", str(sample), "--limit", "30", "--out", str(tmp_path / "snapshot")]
    )
    assert pulled.exit_code == 0, pulled.output
    options = ["--catalog", "toy", "--snapshot", str(tmp_path / "snapshot"), "-o", str(tmp_path / "v.parquet")]
    result = runner.invoke(main, ["embed", *options])
    assert result.exit_code == 0, result.output
    assert len(load_catalog(tmp_path / "v.parquet")) == 28
    refused = runner.invoke(main, ["embed", *options, "--limit", "3"])
    assert (refused.exit_code, "Give --limit to the pull" in refused.stderr) == (2, True)


FAULTS = {
    "there is no folder": "nowhere/v.parquet",
    'ends in ".csv"': "v.csv",
    "holds the input": "cache",
}


@pytest.mark.parametrize("message", FAULTS)
def test_an_output_that_cannot_be_written_is_refused_first(message: str, sample: Path, tmp_path: Path) -> None:
    result = embed(sample, "structure", tmp_path / FAULTS[message])
    assert result.exit_code in (1, 2)
    assert message in result.stderr
    assert not (user_root().parent / "snapshots").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_refused_first(sample: Path, tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    assert "no permission to write" in embed(sample, "structure", tmp_path / "locked" / "v.parquet").stderr


def test_a_full_disk_leaves_nothing_and_costs_nothing(
    sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(writing, "_write", full)
        result = embed(sample, "structure", tmp_path / "v.parquet")
    assert (result.exit_code, "No space left" in result.stderr) == (1, True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache", "sample.parquet"]
    monkeypatch.setattr(parts, "make_part", None)  # nothing is encoded again
    assert embed(sample, "structure", tmp_path / "v.parquet").exit_code == 0


def test_a_full_disk_of_a_worker_is_named_and_costs_nothing(
    sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = tmp_path / "whole.parquet"
    assert embed(sample, "structure", whole).exit_code == 0

    def full(*args: object, **more: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(engines, "_pool", lambda engine, job: FakePool(job, 2, 0))
        patch.setattr(encoders.tempfile, "TemporaryDirectory", full)
        result = embed(sample, "structure", tmp_path / "v.parquet", "--workers", "2")
    assert (result.exit_code, "cannot write the encoder to its temporary folder: No space" in result.stderr) == (
        1,
        True,
    )
    assert embed(sample, "structure", tmp_path / "v.parquet").exit_code == 0
    assert (tmp_path / "v.parquet").read_bytes() == whole.read_bytes()


def test_nothing_that_can_be_encoded_is_an_error(tmp_path: Path, own_cache: Path) -> None:
    write_encoder_catalog(user_root())
    pq.write_table(arrow_table([cscl(94, 95, 3.4)]), tmp_path / "t.parquet")
    result = embed(tmp_path / "t.parquet", "structure", tmp_path / "v.parquet")
    assert (result.exit_code, "1 element_not_covered" in result.stderr) == (1, True)
    assert not (tmp_path / "v.parquet").exists()


def large_table(path: Path) -> Path:
    """A crystal of 2,001 atoms between two small ones."""
    places = np.stack(np.meshgrid(*[np.arange(13)] * 3), axis=-1).reshape(-1, 3)[:2001] / 13
    large = (40 * np.eye(3), np.where(np.arange(2001) % 2, 11, 17), places)
    pq.write_table(arrow_table([cscl(11, 17, 3.6), large, cscl(3, 9, 2.8)]), path)
    return path


def test_one_large_crystal_is_counted_and_does_not_stop_the_others(tmp_path: Path, own_cache: Path) -> None:
    write_encoder_catalog(user_root())
    table, out = large_table(tmp_path / "t.parquet"), tmp_path / "v.parquet"
    assert "left out: 1 too_many_sites" in embed(table, "structure", out).stdout
    assert list(load_catalog(out)) == ["test-0", "test-2"]
    result = embed(table, "site", tmp_path / "s.parquet", "--max-sites", "3000")
    assert result.exit_code == 0, result.output
    assert load_catalog(tmp_path / "s.parquet")["test-1"].shape[0] == 2001
    pq.write_table(pq.read_table(table).slice(1, 1), tmp_path / "alone.parquet")
    alone = embed(tmp_path / "alone.parquet", "structure", tmp_path / "w.parquet")
    assert (alone.exit_code, "1 too_many_sites (use a smaller cell, or raise --max-sites" in alone.stderr) == (1, True)


def test_parts_hold_few_atoms_and_the_same_rows(sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert embed(sample, "site", tmp_path / "whole.parquet").exit_code == 0
    monkeypatch.setattr(pieces, "SITES_AT_ONCE", 20)
    assert embed(sample, "site", tmp_path / "cut.parquet").exit_code == 0
    whole, cut = (load_catalog(tmp_path / f"{name}.parquet") for name in ("whole", "cut"))
    assert list(whole) == list(cut)
    for name in whole:
        np.testing.assert_allclose(whole[name], cut[name], atol=1e-5)


def test_a_catalog_without_an_encoder_is_refused_first(sample: Path, tmp_path: Path) -> None:
    write_toy(user_root(), version="0.2.0")
    result = embed(sample, "structure", tmp_path / "v.parquet")
    assert (result.exit_code, "carries no encoder" in result.stderr) == (1, True)


def test_the_starter_set_from_a_build_to_its_vectors(own_cache: Path, tmp_path: Path) -> None:
    """The whole way, in small: train, publish the encoder, encode, look up."""
    limit = ["--source", "starter", "--limit", "300", "--quiet"]
    built = CliRunner().invoke(main, ["build", *limit, "--epochs", "1", "--name", "mini"])
    assert built.exit_code == 0, built.output
    entries = {entry.path: entry for entry in load_catalog("mini").manifest.files}  # type: ignore[union-attr]
    assert entries["encoder.safetensors"].format == "safetensors"
    assert entries["encoder.safetensors"].bytes < 1.1e6
    out = tmp_path / "v.parquet"
    result = CliRunner().invoke(main, ["embed", "--catalog", "mini", *limit, "-o", str(out)])
    assert result.exit_code == 0, result.output
    catalog = load_catalog(out)
    assert catalog.footer.synthetic  # type: ignore[union-attr]
    assert 250 < len(catalog) <= 300
    assert np.isfinite(catalog.vectors).all()  # type: ignore[union-attr]
