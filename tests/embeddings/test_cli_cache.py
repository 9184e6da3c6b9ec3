"""The cache command: what it counts, what it removes, and what it leaves alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from embeddings.cli import main
from embeddings.store.index import read_index
from embeddings.store.temporaries import hold, release
from testing.toys import write_toy

RUN = "runs/starter-0123456789ab"
EMBEDDING = "embed/net-site-0123456789ab"
COPIES = "perturb/chgnet-0123456789ab"
FIT = "fits/fit-0123456789ab"
SNAPSHOT = "snapshots/table-ba9876543210"
PACKED = "packed/structures-ba9876543210"
VERSION = "catalogs/toy/0.1.0"
OURS = (RUN, EMBEDDING, COPIES, FIT, SNAPSHOT, PACKED, VERSION)
SIGNS = {
    RUN: "checkpoint.pt", EMBEDDING: "ledger.jsonl", COPIES: "ledger.jsonl", FIT: "folds.jsonl",
    SNAPSHOT: "plan.json", PACKED: "arrays.json",
}  # fmt: skip
OTHERS = ("snapshots/mine", "runs/notes.txt", "photos/table-ba9876543210", "runs/thesis-0123456789ab")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache with one of each kind, and with things that are not ours."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("EMBEDDINGS_CACHE", str(folder))
    for name in (*SIGNS, OTHERS[0], OTHERS[2], OTHERS[3]):
        (folder / name / "deep").mkdir(parents=True)
        (folder / name / "deep" / "data").write_bytes(bytes(1500))
    for name, sign in SIGNS.items():
        (folder / name / sign).touch()
    (folder / OTHERS[1]).write_text("mine")
    (folder / "runs" / "link-0123456789ab").symlink_to(folder / OTHERS[0])
    write_toy(folder / "catalogs")
    return folder


@pytest.fixture
def held(cache: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """One of the folders, in which another process is at work."""
    lock = cache / request.param
    lock = lock.with_name(f".{lock.name}.lock")
    lock.touch()
    descriptor = hold(lock)
    yield request.param
    release(descriptor)


def run(*arguments: str, answer: str | None = None) -> Result:
    return CliRunner().invoke(main, ["cache", *arguments], input=answer)


def there(cache: Path) -> set[str]:
    return {name for name in OURS if (cache / name).exists()}


def test_it_shows_folder_and_sizes(cache: Path) -> None:
    lines = run().stdout.splitlines()
    assert lines[0].startswith(f"{cache}: ")
    assert lines[1].split() == ["snapshots", "2", "3", "kB"]
    assert lines[2].split() == ["runs", "4", "6", "kB"]
    assert lines[3].split()[:2] == ["catalogs", "1"]
    found = json.loads(run("--json").stdout)
    assert found["kinds"]["runs"] == {"folders": 4, "bytes": 6000}
    assert there(cache) == set(OURS)


def test_a_cache_that_is_not_there_is_empty(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("EMBEDDINGS_CACHE", str(tmp_path / "none"))
    assert json.loads(run("--clear", "all", "--yes", "--json").stdout)["removed"] == []
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("kind", "gone"),
    [
        ("runs", {RUN, EMBEDDING, COPIES, FIT}),
        ("snapshots", {SNAPSHOT, PACKED}),
        ("catalogs", {VERSION}),
        ("all", {RUN, EMBEDDING, COPIES, FIT, SNAPSHOT, PACKED}),
    ],
)
def test_it_clears_what_is_named_and_nothing_else(kind: str, gone: set[str], cache: Path) -> None:
    result = run("--clear", kind, "--yes", "--json")
    assert result.exit_code == 0, result.output
    assert set(json.loads(result.stdout)["removed"]) == {str(cache / name) for name in gone}
    assert there(cache) == set(OURS) - gone
    assert all((cache / name).exists() for name in OTHERS)
    assert (cache / "runs" / "link-0123456789ab").is_symlink()
    assert ("toy" in read_index(cache / "catalogs")) == (kind != "catalogs")


def test_it_asks_before_it_removes(cache: Path) -> None:
    result = run("--clear", "all", answer="n\n")
    assert result.exit_code == 1
    assert str(cache / SNAPSHOT) in result.stderr
    assert there(cache) == set(OURS)
    assert run("--clear", "all").exit_code == 1  # nobody answers
    assert there(cache) == set(OURS)
    assert run("--clear", "all", answer="y\n").exit_code == 0
    assert there(cache) == {VERSION}


def test_catalogs_of_others_and_behind_links_stay(cache: Path, tmp_path: Path) -> None:
    shared = write_toy(tmp_path / "shared", name="shared")
    (cache / "catalogs" / "shared").symlink_to(shared.parent)
    foreign = cache / "catalogs" / "theirs" / "1.0.0"
    foreign.mkdir(parents=True)
    (foreign / "manifest.json").write_text("{}")
    damaged = write_toy(cache / "catalogs", name="damaged")
    (damaged / "manifest.json").write_text("{}")
    assert run("--clear", "catalogs", "--yes").exit_code == 0
    assert (shared / "manifest.json").exists()
    assert (foreign / "manifest.json").exists()
    assert not damaged.exists()


@pytest.mark.parametrize(
    ("held", "stays"),
    [(RUN, {RUN, SNAPSHOT, PACKED}), (EMBEDDING, {EMBEDDING, SNAPSHOT, PACKED}), (SNAPSHOT, {SNAPSHOT})],
    indirect=["held"],
)
def test_what_a_running_command_uses_stays(held: str, stays: set[str], cache: Path) -> None:
    result = run("--clear", "all", "--yes")
    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: Another process is using {len(stays)} of 6 folders, which were kept: ")
    assert there(cache) == stays | {VERSION}
