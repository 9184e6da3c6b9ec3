"""Methods: each a folder that turns crystals into vectors, and a line below.

A method's folder holds ``recipes.py`` with `RECIPES`, which imports nothing heavy, and ``method.py`` with a class
`METHOD` that keeps `builders.methods.base.Method`.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builders.methods.recipe import Recipe
from builders.runs.code import code_hash
from embeddings.errors import CatalogNotFound, InputInvalid, MissingExtra, did_you_mean
from embeddings.store.manifest import read_manifest
from embeddings.store.readout import READOUTS, readout_of

if TYPE_CHECKING:
    import numpy as np
    import torch

    from builders.learning.corpus import Corpus
    from builders.methods.base import Method
    from embeddings.store.manifest import Manifest

METHODS: dict[str, str] = {
    "crystal-transformer": "builders.methods.crystal_transformer",
    "cromel": "builders.methods.cromel",
    "language": "builders.methods.language",
}
"""Every method by name: its folder, as a package."""


def recipes() -> dict[str, Recipe]:
    """Return every recipe of every method by name. Nothing heavy is imported.

    Raises:
        ValueError: two methods have a recipe of one name, or a recipe is listed under another name or method than its.
    """
    found: dict[str, Recipe] = {}
    for method, package in METHODS.items():
        for name, recipe in import_module(f"{package}.recipes").RECIPES.items():
            if name in found:
                raise ValueError(f'Both {found[name].method} and {method} have a recipe "{name}". Rename one.')
            if (recipe.name, recipe.method) != (name, method):
                raise ValueError(f'{package} lists "{recipe.name}" of {recipe.method} as "{name}" of {method}.')
            found[name] = recipe
    return found


def find_recipe(name: str) -> Recipe:
    """Return the recipe of this name.

    Raises:
        InputInvalid: there is no such recipe; names the closest, and lists all.
    """
    known = recipes()
    if name not in known:
        raise InputInvalid(f'No recipe "{name}".{did_you_mean(name, known)} Available: {", ".join(known)}.')
    return known[name]


def going_on(recipe: Recipe, tune: str, start: Manifest | None = None) -> Recipe:
    """Return a recipe for a network that is there and learns on.

    Args:
        recipe: for a new one.
        tune: which of its weights move, see `builders.methods.crystal_transformer.config.TuningConfig`.
        start: manifest of the catalog of that network, whose vectors of crystals the new ones then hold no less than.

    Raises:
        InputInvalid: the recipe's method cannot go on from a network.
    """
    from builders.methods.crystal_transformer.recipes import CrystalTransformerRecipe

    if not isinstance(recipe, CrystalTransformerRecipe):
        raise InputInvalid(f'The recipe "{recipe.name}" does not start from a crystal network. Leave --init out.')
    readout = None if start is None else readout_of(start.model.hyperparameters)
    published = readout if readout in READOUTS else None  # an unknown one is refused with its network
    return recipe.going_on(tune, published)  # type: ignore[arg-type]


def taught(recipe: Recipe) -> Recipe:
    """Return a recipe that files of structure vectors teach; one that is aligned with structures is as it was.

    Raises:
        InputInvalid: the recipe goes on from a network.
    """
    from builders.methods.crystal_transformer.recipes import CrystalTransformerRecipe

    if not isinstance(recipe, CrystalTransformerRecipe):
        return recipe
    if recipe.tuning is not None:
        raise InputInvalid("--init and --teacher cannot be combined. Leave one of them out.")
    return recipe.taught()


def method_of(name: str) -> type[Method[Any, Any]]:
    """Return the class of a method.

    Raises:
        InputInvalid: there is no such method; names the closest, and lists all.
        MissingExtra: a package that it needs is not installed.
    """
    if name not in METHODS:
        raise InputInvalid(f'No method "{name}".{did_you_mean(name, METHODS)} Available: {", ".join(METHODS)}.')
    try:
        found: type[Method[Any, Any]] = import_module(f"{METHODS[name]}.method").METHOD
    except ModuleNotFoundError as error:
        raise MissingExtra.of(error.name or f"A package of {name}", "build") from error
    return found


def code_of(method: Method[Any, Any]) -> str:
    """Return the hash of the code that makes a method's numbers."""
    return code_hash([METHODS[name] for name in (method.name, *method.builds_on)])


def open_method(
    recipe: Recipe,
    *,
    device: torch.device,
    teacher: Path | None = None,
    corpus: Corpus | None = None,
    init: Path | None = None,
    teachers: Sequence[Path | str] = (),
) -> Method[Any, Any]:
    """Set up the method of a recipe.

    Args:
        recipe: for the method.
        device: where networks of crystals compute.
        teacher: folder of the catalog version whose network teaches.
        corpus: formulas that are read without labels.
        init: folder of the catalog version whose network goes on learning.
        teachers: files of structure vectors, for recipes that are `taught`.

    Raises:
        InputInvalid: a teacher, a corpus or a network to go on from is given and the recipe takes none, or one is
            needed and not given.
        CatalogCorrupt: a teacher is missing or altered.
    """
    if teacher is not None and recipe.wanted_teacher is None:
        raise InputInvalid(f'The recipe "{recipe.name}" takes no teacher. Leave --teacher out.')
    if teacher is None and not teachers and recipe.wanted_teacher is not None:
        raise InputInvalid(f'The recipe "{recipe.name}" needs a teacher: name a catalog with --teacher.')
    if corpus is not None and not recipe.takes_corpus:
        raise InputInvalid(f'The recipe "{recipe.name}" reads no corpus. Leave --corpus out.')
    if (init is not None) != recipe.takes_init:
        raise InputInvalid(f'The recipe "{recipe.name}" {"begins with" if recipe.takes_init else "takes"} no --init.')
    if teachers and not recipe.takes_vectors:
        raise InputInvalid(f'The recipe "{recipe.name}" does not learn from vectors. Leave --teacher out.')
    if recipe.takes_vectors and teacher is None and not teachers:
        raise InputInvalid(
            f'The recipe "{recipe.name}" also learns from the vectors of a teacher, but none was given. Make them from '
            "the same structures: embeddings embed structures.parquet --encoder chgnet -o vectors.parquet (or with "
            "--catalog NAME; docs/potentials.md tells what a potential needs); then add: --teacher vectors.parquet"
        )
    options = (("corpus", corpus), ("init", init), ("teachers", teachers or None))
    extra = {key: given for key, given in options if given is not None}
    return method_of(recipe.method)(recipe, device=device, teacher=teacher, **extra)


def no_network(manifest: Manifest) -> str:
    """Return what to tell whoever asks for the encoder of a table."""
    return (
        f"{manifest.name} {manifest.version} carries no encoder: it is a table, with no network behind it. "
        "Name a catalog that was trained, such as ct-multi (embeddings list)."
    )


def encode_structures_in(path: Path, folder: Path) -> np.ndarray:
    """Return a vector for each structure in a file, (n, dim) float32.

    Args:
        path: of a file or folder of structures.
        folder: of the catalog version whose crystal encoder is used.

    Raises:
        SourceError: no structure can be used.
        ElementNotCovered: a structure has an element that the encoder was not trained on.
        InputInvalid: the version has no crystal encoder, or the format of the file is unknown.
    """
    from builders.methods.crystal_transformer.encoder import read_crystal_encoder
    from builders.snapshots.whole import read_structures

    encoder = read_crystal_encoder(folder)
    return encoder.encode(read_structures(path)[0])


def load_encoder(folder: Path) -> Any:
    """Return the encoder of a published version, by the method that its manifest names.

    Raises:
        InputInvalid: this version carries no encoder, or none that a method here can read.
        CatalogCorrupt: a file is missing or altered.
        MissingExtra: a package that the method needs is not installed.
    """
    manifest = read_manifest(folder)
    if manifest.table:
        raise InputInvalid(no_network(manifest))
    if manifest.model.name not in METHODS:
        raise InputInvalid(
            f"{manifest.name} {manifest.version} carries no encoder that this library can read: it was made by "
            f'"{manifest.model.name}", but only {", ".join(METHODS)} are known here. '
            f"Build a new version of it: {manifest.command}"
        )
    return method_of(manifest.model.name).load(folder)


def load_potential(asked: str) -> Any:
    """Return a third-party potential as an encoder; None where none goes by this name.

    Args:
        asked: its name, with or without a version, such as ``"chgnet"`` or ``"chgnet@0.3.0"``.

    Raises:
        CatalogNotFound: it is known in another version than is asked for.
        MissingExtra: its package, or what it needs, is not installed.
        WeightsNotFound: the package comes without the weights.
        CatalogCorrupt: it comes with others.
    """
    from builders.others import POTENTIALS

    name, at, wanted = asked.partition("@")
    if name not in POTENTIALS:
        return None
    potential = POTENTIALS[name]
    known = potential.about.version
    if at and wanted != known and not known.startswith(f"{wanted}."):
        raise CatalogNotFound(f"{name}, a third-party potential, is known here as {name}@{known}, not as {asked}.")
    weights = potential()
    from builders.others.encoder import PotentialEncoder

    return PotentialEncoder(weights)
