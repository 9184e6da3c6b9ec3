"""From a file to a loadable catalog through the command line, and everything that may go wrong on the way."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from click.testing import CliRunner, Result

from builders.learning.splits import split_by_formula
from builders.methods import find_recipe, going_on
from builders.pipeline import BuildRequest
from builders.provenance import command_line
from builders.sources import SOURCES, SourceOptions, default_recipe
from builders.sources.origins import ORIGINS
from builders.structures.digest import look_up
from builders.structures.formulas import reduced_formulas_of
from builders.structures.table import read_structure_table
from embeddings import load_encoder, load_uae
from embeddings.cli import main
from embeddings.elements import SYMBOLS
from embeddings.store.roots import user_root
from embeddings.store.training_structures import read_structures
from testing.crystals import arrow_table, sample_crystals, write_sample
from testing.toys import write_toy


def build(*options: object) -> Result:
    return CliRunner().invoke(main, ["build", *map(str, options)])


def table_options(path: Path, **more: object) -> list[object]:
    options = {"recipe": "ct-multi", "targets": "formation_energy_per_atom,band_gap", "epochs": 2, "name": "toy"} | more
    stated = [part for key, value in options.items() for part in (f"--{key}", value)]
    return ["--source", "table", "--path", path, *stated]


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    return write_sample(tmp_path / "sample.parquet", 60)


def test_a_build_gives_a_catalog_that_says_what_is_in_it(sample: Path) -> None:
    result = build(*table_options(sample), "--about", "materials-project", "--limit", 50, "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["path"] == str(user_root() / "toy" / "0.1.0")
    catalog = load_uae("toy")
    table = read_structure_table(sample).take(np.arange(50))
    training, manifest = catalog.manifest.training, catalog.manifest
    assert training.targets == {"formation_energy_per_atom": "eV/atom", "band_gap": "eV"}
    assert training.query["limit"] == 50
    assert manifest.metrics["formation_energy_per_atom"].n + training.n_structures == 50
    assert manifest.licence.spdx == "CC-BY-4.0"
    assert "Materials Project" in manifest.licence.attribution
    assert str(sample.parent) not in manifest.to_json()
    formulas = sorted(set(reduced_formulas_of(table)))
    seen = catalog.overlap(formulas)
    assert 0 < len(seen) < len(formulas)
    assert sum(catalog.n_structures.values()) == 2 * training.n_structures  # all are binary
    assert (user_root() / "toy" / "0.1.0" / "CARD.md").read_text().count("Materials Project")


def test_a_build_has_not_seen_the_formulas_that_it_was_told_to_leave_out(sample: Path, tmp_path: Path) -> None:
    formulas = sorted(set(reduced_formulas_of(read_structure_table(sample))))
    listed = tmp_path / "test_set.txt"
    text = "# tested on\r\n\r\n" + "\r\n".join(formulas[:4]) + "\r\nH999O998\r\n"
    listed.write_bytes(text.encode("utf-8-sig"))  # as Windows writes it
    result = build(*table_options(sample), "--exclude-formulas", listed)
    assert result.exit_code == 0, result.output
    catalog = load_uae("toy")
    query = catalog.manifest.training.query
    assert query["exclude_formulas"]["file"] == "test_set.txt"
    assert query["exclude_formulas"]["n_formulas"] == 5
    assert catalog.manifest.training.dropped["excluded_formulas"] >= 4
    assert catalog.overlap(formulas[:4]) == []
    assert catalog.overlap(formulas[4:])
    assert "--exclude-formulas test_set.txt" in catalog.manifest.command


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("NaCl\nwater\n", "line 2: 'water' is not a formula"),
        ("\n# none\n", "lists no formula"),
        (None, "cannot be read"),
    ],
)
def test_a_file_of_formulas_to_leave_out_is_read_before_anything_is_done(
    text: str | None, message: str, sample: Path, tmp_path: Path
) -> None:
    listed = tmp_path / "test_set.txt"
    if text is not None:
        listed.write_text(text)
    result = build(*table_options(sample), "--exclude-formulas", listed)
    assert result.exit_code == 1
    assert message in result.output
    assert not user_root().exists() or not list(user_root().iterdir())


def test_the_elements_of_training_structures_have_rows_and_those_are_all(tmp_path: Path) -> None:
    """An element of held-out structures alone would be published with its random start, or not at all."""
    path = write_sample(tmp_path / "t.parquet", 12)
    assert build(*table_options(path, targets="formation_energy_per_atom", seed=1)).exit_code == 0
    catalog = load_uae("toy")
    table = read_structure_table(tmp_path / "t.parquet")
    formulas = np.array(reduced_formulas_of(table))
    training = np.isin(formulas, catalog.overlap(sorted(set(formulas))))
    expected = np.unique(table.take(np.flatnonzero(training)).atomic_numbers)
    np.testing.assert_array_equal(catalog.atomic_numbers, expected)
    np.testing.assert_array_equal(expected, np.unique(table.atomic_numbers))
    digest = read_structures(user_root() / "toy" / "0.1.0", catalog.manifest)
    assert digest is not None
    close = look_up(table, digest)
    assert [one is not None and one[0] == "structure" for one in close] == training.tolist()


def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not(
    sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    contents = []
    for attempt, seed in (("one", 0), ("two", 0), ("three", 1)):
        monkeypatch.setenv("EMBEDDINGS_CACHE", str(tmp_path / f"cache-{attempt}"))
        result = build(*table_options(sample), "--seed", seed, "--out", tmp_path / attempt)
        assert result.exit_code == 0, result.output
        folder = tmp_path / attempt / "toy" / "0.1.0"
        contents.append({path.name: path.read_bytes() for path in folder.iterdir()})
    assert contents[0] == contents[1]
    assert contents[0]["vectors.parquet"] != contents[2]["vectors.parquet"]


def test_a_build_that_exists_is_not_repeated_and_a_new_one_gets_the_next_version(sample: Path) -> None:
    assert build(*table_options(sample)).exit_code == 0
    again = build(*table_options(sample))
    assert "Already built" in again.stderr
    assert build(*table_options(sample), "--seed", 5).exit_code == 0
    assert sorted(path.name for path in (user_root() / "toy").iterdir()) == ["0.1.0", "0.2.0"]
    assert load_uae("toy").version == "0.2.0"
    named = build(*table_options(sample, version="0.1.0"))
    assert "Already built" in named.stderr
    assert named.exit_code == 0


def test_a_build_is_numbered_above_every_root_and_is_what_the_bare_name_means(
    sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMBEDDINGS_CATALOGS", str(tmp_path / "released"))
    write_toy(tmp_path / "released", version="0.3.0")
    assert build(*table_options(sample)).exit_code == 0
    assert build(*table_options(sample, seed=3), "--out", tmp_path / "elsewhere").exit_code == 0
    assert (load_uae("toy").version, load_uae("toy@0.3.0").version) == ("0.4.0", "0.3.0")
    assert [path.name for path in (tmp_path / "elsewhere" / "toy").iterdir()] == ["0.5.0"]


def test_edited_code_makes_another_build(sample: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert build(*table_options(sample)).exit_code == 0
    monkeypatch.setattr("builders.pipeline.code_of", lambda method: "of an edited loss")
    again = build(*table_options(sample))
    assert "Resuming the run" not in again.stderr
    assert load_uae("toy").version == "0.2.0"


@pytest.mark.parametrize("snapshot", [False, True])
@pytest.mark.parametrize(("options", "name"), [([], "ct-all"), (["--recipe", "starter"], "starter")])
def test_a_build_never_says_that_its_data_are_those_of_the_starter_set(
    options: list[str], name: str, snapshot: bool, sample: Path, tmp_path: Path
) -> None:
    where: list[object] = ["--source", "table", "--path", sample]
    if snapshot:
        CliRunner().invoke(main, list(map(str, ["pull", *where, "--out", tmp_path / "pulled"])))
        where = ["--snapshot", tmp_path / "pulled"]
    options = [*options, "--targets", "band_gap"] if options else options
    result = build(*where, *options, "--epochs", 1, "--out", tmp_path / "out", "--json")
    assert result.exit_code == 0, result.output
    manifest = (Path(json.loads(result.stdout)["path"]) / "manifest.json").read_text()
    assert json.loads(manifest)["name"] == name
    assert "CHGNet" not in manifest
    assert re.search(r"learned from .*band_gap. Data: \d+ structures of sample", json.loads(manifest)["description"])


def test_a_build_says_what_was_learned_and_not_what_was_left_out(tmp_path: Path) -> None:
    path = write_trap(tmp_path / "trap.parquet", 1.0)
    result = build("--source", "table", "--path", path, "--epochs", 1, "--name", "own", "--json")
    assert result.exit_code == 0, result.output
    manifest = load_uae("own").manifest
    assert "trap" not in manifest.training.targets
    assert manifest.description.startswith("Universal atomic embeddings learned from formation_energy_per_atom")
    assert "every numeric property" not in manifest.description
    assert "trap," not in manifest.description


def test_a_description_of_ones_own_takes_the_place_of_the_derived_one(sample: Path) -> None:
    assert build(*table_options(sample), "--description", " Oxides of\n our lab. ").exit_code == 0
    manifest = load_uae("toy").manifest
    assert manifest.description == "Oxides of our lab."
    assert "--description 'Oxides of our lab.'" in manifest.command
    assert "Oxides of our lab." in (user_root() / "toy" / "0.1.0" / "CARD.md").read_text()
    refused = build(*table_options(sample), "--description", " ")
    assert refused.exit_code == 2
    assert "it is empty" in refused.output


def test_few_held_out_structures_are_said_aloud(tmp_path: Path) -> None:
    sample, name = write_sample(tmp_path / "few.parquet", 12), "formation_energy_per_atom"
    write_toy(user_root(), version="0.3.0")
    options = [*table_options(sample, targets=name), "--allow-lost-elements"]
    result = build(*options)
    assert result.exit_code == 0, result.output
    metric = load_uae("toy").manifest.metrics[name]
    words = "held-out structure" if metric.n == 1 else "held-out structures"
    assert f"on {metric.n} {words} (predicting" in result.stdout
    assert f"Warning: Measured on {metric.n} {words} alone: the error of {name} may be luck" in result.stderr
    assert "--init ct-multi goes on from a trained network" in result.stderr
    assert 'The bare name "toy" now means this version. The one before is toy@0.3.0' in result.stderr
    card = (user_root() / "toy" / "0.4.0" / "CARD.md").read_text()
    assert f"**Measured on {metric.n} {words} alone" in card
    told = json.loads(build(*options, "--json").stdout)["warnings"]
    assert any("may be luck" in warning for warning in told)


def test_every_source_has_a_recipe_and_the_starter_recipe_belongs_to_its_own() -> None:
    recipes = {name: find_recipe(default_recipe(name)).name for name in SOURCES}
    assert [name for name, recipe in recipes.items() if recipe == "starter"] == ["starter"]
    starter, data = find_recipe("starter"), {"data": "the Materials Project", "n_structures": 1200}
    assert "CHGNet" in starter.said_of(starter.targets, "starter", **data)
    assert "CHGNet" not in starter.said_of(starter.targets[:1], "starter", **data)
    assert starter.said_of(starter.targets, "mp", **data).endswith("Data: 1,200 structures of the Materials Project.")


def test_other_targets_are_said_in_the_description() -> None:
    recipe = find_recipe("ct-multi")
    assert recipe.with_options(targets=("a", "b", "c")).description.endswith("learned from a, b and c.")
    assert recipe.with_options(targets=recipe.targets, epochs=1).description == recipe.description


def test_batches_and_rate_can_be_chosen_and_the_command_states_them(sample: Path) -> None:
    result = build(*table_options(sample), "--batch-size", 64, "--learning-rate", 0.002, "--allow-lost-elements")
    assert result.exit_code == 0, result.output
    manifest = load_uae("toy").manifest
    assert "--batch-size 64 --learning-rate 0.002" in manifest.command
    training, usual = manifest.model.hyperparameters["training"], find_recipe("ct-multi").training
    assert (training["batch_size"], training["learning_rate"]) == (64, 0.002)
    assert training["max_pairs"] * usual.batch_size == usual.max_pairs * 64
    for option, value in (("--batch-size", 0), ("--learning-rate", 0), ("--learning-rate", "nan")):
        assert build(*table_options(sample), option, value).exit_code == 2


def test_the_chosen_rate_also_moves_a_network_that_goes_on() -> None:
    recipe = going_on(find_recipe("ct-multi"), "all").with_options(learning_rate=3e-4, batch_size=16)
    assert (recipe.training.learning_rate, recipe.tuning.encoder_learning_rate) == (3e-4, 3e-4)
    assert recipe.training.batch_size == 16


def held_out_rows(path: Path) -> np.ndarray:
    formulas = reduced_formulas_of(read_structure_table(path))
    return split_by_formula(formulas, validation_fraction=0.1, seed=0, keep_elements=True)[1]


def write_trap(path: Path, learned_from: float) -> Path:
    """Write crystals with a property that varies on the rows held out, and not on those that are learned from."""
    crystals, labels = sample_crystals(160)
    held_out = held_out_rows(write_sample(path, 160))
    trap = np.full(160, learned_from)
    trap[held_out] = np.arange(len(held_out))
    labels["trap"] = trap.tolist()
    labels = {name: pa.array(values, from_pandas=True) for name, values in labels.items()}
    pq.write_table(arrow_table(crystals, **labels), path)
    return path


TRAPS = pytest.mark.parametrize(("learned_from", "said"), [(7.0, "known values are 7"), (np.nan, "it is unknown")])


@pytest.mark.parametrize(
    ("targets", "learned_from", "said"),
    [
        ("trap", 7.0, "all of its"),
        ("formation_energy_per_atom,trap", 7.0, "known values are 7"),
        ("formation_energy_per_atom,trap", np.nan, "it is unknown"),
    ],
)
def test_a_target_that_only_rows_held_out_have_is_refused(
    targets: str, learned_from: float, said: str, tmp_path: Path
) -> None:
    result = build(*table_options(write_trap(tmp_path / "t.parquet", learned_from), targets=targets))
    assert result.exit_code == 1, result.output
    assert 'Cannot learn the target "trap": ' in result.stderr
    assert said in result.stderr
    assert not list((tmp_path / "cache").glob("catalogs/*/*"))


@TRAPS
def test_of_all_properties_one_that_cannot_be_learned_is_left_out_and_named(
    learned_from: float, said: str, tmp_path: Path
) -> None:
    path = write_trap(tmp_path / "t.parquet", learned_from)
    result = build("--source", "table", "--path", path, "--epochs", 1, "--json")
    assert result.exit_code == 0, result.output
    assert 'Left out: Cannot learn the target "trap"' in result.stderr
    assert said in result.stderr
    assert set(load_uae("ct-all").manifest.training.targets) == {"formation_energy_per_atom", "band_gap"}


def test_a_version_that_the_same_recipe_made_of_other_structures_is_not_replaced(sample: Path, tmp_path: Path) -> None:
    assert build(*table_options(sample, version="1.0.0")).exit_code == 0
    refused = build(*table_options(write_sample(tmp_path / "other.parquet", 30), version="1.0.0"))
    assert refused.exit_code == 1
    assert "--version 2.0.0" in refused.stderr


def test_a_released_version_is_replaced_only_by_force(sample: Path) -> None:
    build(*table_options(sample, version="1.0.0"))
    before = load_uae("toy").vectors
    refused = build(*table_options(sample, version="1.0.0"), "--seed", 5)
    assert refused.exit_code == 1
    assert "--force" in refused.stderr
    assert "--version 2.0.0" in refused.stderr
    np.testing.assert_array_equal(load_uae("toy").vectors, before)
    assert build(*table_options(sample, version="1.0.0"), "--seed", 5, "--force").exit_code == 0
    assert not np.array_equal(load_uae("toy").vectors, before)


def test_resume_needs_an_interrupted_run_of_this_very_build(sample: Path) -> None:
    refused = build(*table_options(sample), "--resume")
    assert refused.exit_code == 1
    assert "No interrupted run of exactly this build" in refused.stderr
    assert not (user_root() / "toy").exists()


def test_a_checkpoint_of_another_recipe_is_not_taken_up(sample: Path, own_cache: Path) -> None:
    assert build(*table_options(sample)).exit_code == 0
    (run,) = own_cache.glob("runs/ct-multi-*")
    checkpoint = (run / "checkpoint.pt").read_bytes()
    assert build(*table_options(sample, seed=5, name="other")).exit_code == 0
    other = next(path for path in own_cache.glob("runs/ct-multi-*") if path != run)
    (other / "checkpoint.pt").write_bytes(checkpoint)
    refused = build(*table_options(sample, seed=5, name="other"), "--force", "--resume")
    assert refused.exit_code == 1
    assert "was written by another run" in refused.stderr


def test_the_trained_network_is_published_with_its_catalog(sample: Path) -> None:
    """The build does what --force says: it trains again, and gives the same encoder again."""
    assert build(*table_options(sample)).exit_code == 0
    first = (user_root() / "toy" / "0.1.0" / "encoder.safetensors").read_bytes()
    again = build(*table_options(sample), "--force", "--version", "0.1.0")
    assert again.exit_code == 0
    assert "Resuming the run at step" not in again.stderr
    assert (user_root() / "toy" / "0.1.0" / "encoder.safetensors").read_bytes() == first
    encoder = load_encoder("toy")
    assert [SYMBOLS[z - 1] for z in encoder.atomic_numbers] == list(load_uae("toy"))
    (checkpoint,) = user_root().parent.glob("runs/*/checkpoint.pt")
    for name, weight in torch.load(checkpoint, weights_only=True)["model"].items():
        if not name.startswith("heads."):
            torch.testing.assert_close(encoder.model.state_dict()[name], weight, rtol=1e-3, atol=1e-6)


def _spawn(options: list[object], cache: Path) -> subprocess.Popen[str]:
    """Start a build that heeds an interrupt, even where the tests run in the background of a shell and ignore it."""
    environment = os.environ | {"EMBEDDINGS_CACHE": str(cache), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", "from embeddings.cli import main; main()", "build", *map(str, options)]
    return subprocess.Popen(
        command,
        env=environment,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[object], bytes]:
    """Options of a build that takes a while, and the vectors of one that nobody killed."""
    place = tmp_path_factory.mktemp("whole")
    options = table_options(write_sample(place / "sample.parquet", 60), epochs=30)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMBEDDINGS_CACHE", str(place / "cache"))
        assert build(*options).exit_code == 0
    return options, (place / "cache/catalogs/toy/0.1.0/vectors.npy").read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("kill", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_build_leaves_nothing_and_resumes_to_the_same_vectors(
    kill: signal.Signals, whole: tuple[list[object], bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options, vectors = whole
    process = _spawn(options, tmp_path / "killed")
    checkpoint = _wait_for_checkpoint(tmp_path / "killed", process)
    process.send_signal(kill)
    stderr = process.communicate(timeout=60)[1]
    assert process.returncode == (130 if kill == signal.SIGINT else -kill)
    assert "Traceback" not in stderr
    assert not (tmp_path / "killed" / "catalogs" / "toy").exists()
    assert checkpoint.exists()
    monkeypatch.setenv("EMBEDDINGS_CACHE", str(tmp_path / "killed"))
    assert "Resuming the run at step" in build(*options, "--resume").stderr
    assert (tmp_path / "killed/catalogs/toy/0.1.0/vectors.npy").read_bytes() == vectors


def _wait_for_checkpoint(cache: Path, process: subprocess.Popen[str]) -> Path:
    for _ in range(2400):
        found = list(cache.glob("runs/*/checkpoint.pt"))
        if found:
            return found[0]
        if process.poll() is not None:
            break
        time.sleep(0.05)
    raise AssertionError(f"no checkpoint: {process.communicate()[1]}")


def write(path: Path, **columns: object) -> Path:
    crystals, labels = sample_crystals(30)
    pq.write_table(arrow_table(crystals, **(labels | columns)), path)
    return path


FAULTS = {
    'Did you mean "formation_energy_per_atom"': (["--targets", "formation_energy"], {}),
    "known values are 1": (["--targets", "flat"], {"flat": [1.0] * 30}),
    "3 known values": (["--targets", "rare"], {"rare": [1.0, 2.0, 3.0] + [None] * 27}),
    "2 known values": (["--targets", "far"], {"far": [np.inf, 1e31] * 14 + [1.0, 2.0]}),
    "No recipe": (["--recipe", "ct-mutli"], {}),
    '"Toy Cat" cannot name a catalog': (["--name", "Toy Cat"], {}),
    "not an element symbol": (["--elements", "Fe,Xx"], {}),
    "Choose another": (["--out", "/proc/nowhere"], {}),
    "No origin": (["--about", "nobody"], {}),
}


@pytest.mark.parametrize("message", FAULTS)
def test_bad_requests_get_one_line_and_leave_nothing(message: str, tmp_path: Path) -> None:
    options, columns = FAULTS[message]
    result = build(*table_options(write(tmp_path / "t.parquet", **columns)), *options)
    assert result.exit_code == 1, result.output
    assert message in result.stderr
    assert result.stderr.strip().splitlines()[-1].startswith("Error: ")
    assert not list((tmp_path / "cache").glob("catalogs/*/*"))


def test_unusable_structures_are_dropped_and_counted_in_the_manifest(tmp_path: Path) -> None:
    crystals, labels = sample_crystals(30)
    crystals[3] = (crystals[3][0] * 0, *crystals[3][1:])
    crystals[4] = (*crystals[4][:2], np.full_like(crystals[4][2], np.nan))
    labels["formation_energy_per_atom"][5] = labels["band_gap"][5] = None
    labels = {name: pa.array(values, from_pandas=True) for name, values in labels.items()}
    pq.write_table(arrow_table(crystals, **labels), tmp_path / "t.parquet")
    result = build(*table_options(tmp_path / "t.parquet"))
    assert result.exit_code == 0, result.output
    assert load_uae("toy").manifest.training.dropped == {"not_finite": 1, "no_volume": 1, "no_target": 1}


def test_wrong_usage_is_exit_code_two() -> None:
    assert build("--source", "table", "--limit", "0").exit_code == 2
    assert build().exit_code == 2


def test_all_targets_of_the_file_are_learned_when_none_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "t.parquet", flat=[1.0] * 30)
    options = table_options(path)
    at = options.index("--targets")
    result = build(*options[:at], *options[at + 2 :], "--targets", "")
    assert result.exit_code == 0, result.output
    assert set(load_uae("toy").manifest.metrics) == {"formation_energy_per_atom", "band_gap"}


def test_the_recorded_command_says_whose_data_it_is(tmp_path: Path) -> None:
    origin = ORIGINS["materials-project-open-labels"]
    options = SourceOptions(path=tmp_path / "crystals.parquet", origin=origin)
    request = BuildRequest(
        find_recipe("ct-multi"), tmp_path, source="table", work=tmp_path, options=options, name="mine"
    )
    command = command_line(request, version="1.0.0")
    assert "--about materials-project-open-labels --recipe ct-multi" in command
    other = replace(request, options=replace(options, origin=replace(origin, name="my own")))
    assert "--about origin.json" in command_line(other, version="1.0.0")
