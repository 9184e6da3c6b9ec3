"""The code that makes the numbers is part of a build's identity; no module of it is forgotten."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from builders.methods import METHODS, find_recipe, going_on, taught
from builders.runs import code
from builders.runs.code import SHARED, code_hash, modules_of
from builders.runs.identity import identity_of
from builders.runs.output import find_place
from embeddings._version import __version__
from embeddings.errors import CatalogExists, EmbeddingsError
from embeddings.store import roots as store
from embeddings.store.manifest import read_manifest
from testing.toys import toy_provenance, write_toy

ROOT = Path(__file__).parents[2]


def file_of(module: str) -> Path | None:
    path = ROOT.joinpath(*module.split("."))
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.exists()), None)


def imported(module: str) -> Iterator[str]:
    """Yield the modules of builders that a module imports, but for type hints."""
    file = file_of(module)
    assert file is not None, module
    tree = ast.parse(file.read_text(encoding="utf-8"))
    hints = [node for node in ast.walk(tree) if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)]
    left_out = {id(node) for hint in hints for node in ast.walk(hint)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and id(node) not in left_out:
            inside = [f"{node.module}.{alias.name}" for alias in node.names]
            modules = [name for name in inside if file_of(name)]
            yield from (name for name in modules or [node.module] if name.startswith("builders."))


LISTED = {*SHARED, *modules_of(list(METHODS.values())), "builders.embed.levels"}

BYSTANDERS = {
    "builders.learning.scales",
    "builders.methods",
    "builders.methods.base",
    "builders.methods.cromel.recipes",
    "builders.methods.crystal_transformer.recipes",
    "builders.methods.language.recipes",
    "builders.methods.recipe",
    "builders.progress",
    "builders.runs.ahead",
    "builders.runs.arrays",
    "builders.runs.checkpoint",
    "builders.runs.code",
    "builders.runs.identity",
    "builders.runs.seals",
    "builders.snapshots.snapshot",
    "builders.sources",
    "builders.structures.columns",
    "builders.structures.encodable",
    "builders.structures.encoding",
    "builders.structures.exclusion",
    "builders.structures.objects",
    "builders.structures.rejections",
}
"""Modules that those call and that make no numbers: they read, write, check, or hold what is hashed by its value."""


@pytest.mark.parametrize("module", sorted(LISTED))
def test_what_a_module_that_makes_numbers_imports_is_hashed(module: str) -> None:
    assert [name for name in imported(module) if name not in LISTED | BYSTANDERS] == []


def test_every_hashed_module_is_there() -> None:
    assert [name for name in LISTED if file_of(name) is None] == []
    assert not LISTED & BYSTANDERS


def test_an_edit_changes_the_hash_and_a_line_ending_does_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loss = tmp_path / "loss_of_the_test.py"
    monkeypatch.syspath_prepend(str(tmp_path))
    hashes = []
    for text in (b"a = 1\nb = 2\n", b"a = 1\r\nb = 2\r\n", b"a = 1\nb = 3\n"):
        loss.write_bytes(text)
        hashes.append(code_hash([], also=["loss_of_the_test"]))
    assert hashes[0] == hashes[1] != hashes[2]
    modules = ["loss_of_the_test", "builders.methods.cromel.training"]
    assert code_hash([], also=modules) == code_hash([], also=modules[::-1])


def test_a_library_without_its_sources_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(code, "find_spec", lambda name: None)
    with pytest.raises(EmbeddingsError, match=r"Cannot read the source of"):
        code_hash(["builders.methods.cromel"])


def test_a_version_from_before_the_code_counted_is_known_by_its_number_alone(tmp_path: Path) -> None:
    """What is released stays "already built" for the command that names its version, and never for another."""
    folder, earlier, now = write_toy(tmp_path), toy_provenance().fingerprint, "1" * 64
    assert find_place(tmp_path, "toy", "0.1.0", now, force=False, without_code=earlier).earlier == folder
    assert find_place(tmp_path, "toy", None, now, force=False, without_code=earlier).next == "0.2.0"
    with pytest.raises(CatalogExists):
        find_place(tmp_path, "toy", "0.1.0", now, force=False, without_code="2" * 64)


PACKAGED = [
    path
    for name in ("ct-*", "cromel-*", "starter")
    for path in sorted(store.packaged_root().glob(f"{name}/*/manifest.json"))
]
BUILT_SINCE = ("ct-multi@5.0.0", "ct-foundation@4.0.0")
"""Those that the code is part of the identity of; all others were built before."""


@pytest.mark.parametrize("path", PACKAGED, ids=lambda path: f"{path.parts[-3]}@{path.parts[-2]}")
def test_a_packaged_version_is_known_to_the_command_that_made_it(path: Path) -> None:
    manifest, folder = read_manifest(path.parent), path.parent
    if manifest.model.code_version != __version__:
        pytest.skip("another version of the library made it")
    parts: list[object] = [manifest.training.snapshot_sha256]
    if manifest.kind == "composition-encoder":
        teacher = read_manifest(store.resolve(manifest.model.hyperparameters["teacher"]))
        parts.append(next(file.sha256 for file in teacher.files if file.path == "encoder.safetensors"))
    recipe, stated = find_recipe(manifest.model.recipe), manifest.model.hyperparameters
    if "teachers" in stated:
        parts += [teacher["vectors_sha256"] for teacher in stated["teachers"]]
    if "init" in stated:
        parts.append(stated["init"]["sha256"])
        recipe = going_on(recipe, "all").with_options(
            targets=tuple(stated["targets"]), epochs=stated["training"]["epochs"]
        )
    if "teachers" in stated:
        recipe = taught(recipe)
    earlier = identity_of(*parts, recipe.to_dict(), __version__)
    options = {"force": False, "without_code": earlier}
    place = (folder.parents[1], manifest.name, manifest.version)
    if f"{manifest.name}@{manifest.version}" in BUILT_SINCE:
        with pytest.raises(CatalogExists):  # other code makes another build, and what is released stays
            find_place(*place, "1" * 64, **options)
        assert find_place(*place, manifest.provenance.fingerprint, **options).earlier == folder
    else:
        assert find_place(*place, "1" * 64, **options).earlier == folder


def test_folders_within_a_method_are_part_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = tmp_path / "method_with_rooms" / "losses"
    inner.mkdir(parents=True)
    for folder in (inner, inner.parent):
        (folder / "__init__.py").touch()
    (inner / "contrast.py").write_text("TEMPERATURE = 0.1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    before = code_hash(["method_with_rooms"])
    (inner / "contrast.py").write_text("TEMPERATURE = 0.2\n")
    assert code_hash(["method_with_rooms"]) != before
    assert list(modules_of(["method_with_rooms"])) == ["method_with_rooms.losses", "method_with_rooms.losses.contrast"]
