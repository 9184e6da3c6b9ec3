"""What the options of the build command ask for: the recipe, and every catalog and file that they name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embeddings.cli.guard import guard_source
from embeddings.cli.source_options import intake
from embeddings.display.numbers import counted
from embeddings.errors import InputInvalid
from embeddings.store import roots as store
from embeddings.store.home import cache_folder
from embeddings.store.index import INDEX
from embeddings.store.outputs import Output

if TYPE_CHECKING:
    from builders.learning.corpus import Corpus
    from builders.methods.recipe import Recipe
    from builders.pipeline import BuildRequest
    from builders.progress import Reporter

OWN = "-own"
"""Ends the name of a catalog that goes on from another, unless it is given one."""

FileAndColumn = tuple[Path, str | None]


def build_request(options: dict[str, Any], reporter: Reporter) -> BuildRequest:
    """Return what the options ask for, once nothing of it would be written over.

    Args:
        options: of the command, by name.
        reporter: tells a person what is left out of a corpus.

    Raises:
        EmbeddingsError: something that is named is not there, or does not go with the recipe.
    """
    from builders.methods import find_recipe, going_on, taught
    from builders.pipeline import BuildRequest
    from builders.snapshots.snapshot import read_snapshot
    from builders.sources import default_recipe

    guard_source(*_shared_outputs(options), options=options)
    source = read_snapshot(options["snapshot"]).source if options["snapshot"] else options["source"]
    recipe = find_recipe(options["recipe"] or default_recipe(source))
    init = _init(options, recipe)
    began = store.manifest_of(init) if init else None
    recipe = (going_on(recipe, options["tune"] or "all", began) if began else recipe).with_options(
        **{name: options[name] for name in ("targets", "seed", "epochs", "batch_size", "learning_rate")}
    )
    catalogs, teachers = _named(options["teacher"])
    teacher = _teacher(catalogs, recipe, beside=bool(teachers))
    recipe = taught(recipe) if teachers else recipe
    outputs = [*_shared_outputs(options), *_own_output(options, options["name"] or recipe.name)]
    previous = _previous(options["previous"])
    read = [*(options["corpus"][:1] if options["corpus"] else ()), *(one for one in teachers if isinstance(one, Path))]
    taught_by = [folder for folder in (teacher, previous, init) if folder]
    guard_source(*outputs, options=options, inputs=read, catalogs=taught_by)
    stated = ("name", "version", "description", "device", "resume", "force", "allow_lost_elements")
    return BuildRequest(
        recipe=recipe,
        teacher=teacher,
        teachers=teachers,
        previous=previous,
        init=init,
        corpus=_corpus(options["corpus"], recipe, reporter),
        out=options["out"] or store.user_root(),
        roots=tuple(store.search_roots()),
        **intake(options),
        **{name: options[name] for name in stated},
    )


def _previous(name: str | None) -> Path | None:
    """Return the folder of the version that the vectors are turned onto, or None where there is none."""
    if name is None:
        return None
    folder = store.resolve(name)
    store.manifest_of(folder)  # is this the catalog that goes by this name?
    return folder


def _init(options: dict[str, Any], recipe: Recipe) -> Path | None:
    """Return the folder of the version whose network goes on learning, or None; the result gets a name of its own."""
    name = options["init"]
    if name is None:
        if options["tune"]:
            raise InputInvalid(
                "--tune goes with --init, whose network it fine-tunes. Give --init, or leave --tune out."
            )
        return None
    folder = store.resolve(name)
    began = store.manifest_of(folder).name
    options["name"] = options["name"] or f"{began.removesuffix(OWN)}{OWN}"
    return folder


def _named(names: tuple[str, ...]) -> tuple[list[str], tuple[Path | str, ...]]:
    """Return the catalogs among the teachers, and the files and folders of vectors."""
    from embeddings.vectors.names import is_vectors, place_of

    catalogs = [name for name in names if not is_vectors(name)]
    return catalogs, tuple(place_of(name) for name in names if is_vectors(name))


def _teacher(catalogs: list[str], recipe: Recipe, *, beside: bool) -> Path | None:
    """Return the folder of the catalog that teaches, or None where none does; beside files, the recipe's does not."""
    if recipe.wanted_teacher is None:
        if catalogs and beside:
            raise InputInvalid(f'{catalogs[0]} is not a file of vectors, and only these can teach "{recipe.name}".')
        if catalogs:
            raise InputInvalid(
                f'The recipe "{recipe.name}" takes no teacher such as {catalogs[0]}: it learns from files of structure '
                "vectors, such as vectors.parquet, which embeddings embed makes. Name one, or leave --teacher out."
            )
        return None
    if len(catalogs) > 1:
        raise InputInvalid(
            f"{catalogs[0]} and {catalogs[1]} are two catalogs, but only one can teach. Write the vectors of the "
            f"other to a file, and name that: embeddings embed --catalog {catalogs[1]} -o vectors.parquet"
        )
    if beside and not catalogs:
        return None
    folder = store.resolve(catalogs[0] if catalogs else recipe.wanted_teacher)
    store.manifest_of(folder)  # is this the catalog that goes by this name?
    return folder


def _corpus(place: FileAndColumn | None, recipe: Recipe, reporter: Reporter) -> Corpus | None:
    """Return the formulas that are read without labels, or None for those of the source."""
    if place is None:
        return None
    if not recipe.takes_corpus:
        raise InputInvalid(f'The recipe "{recipe.name}" reads no corpus. Leave --corpus out.')
    from builders.learning.corpus import read_corpus

    corpus = read_corpus(*place)
    if corpus.n_unreadable:
        reporter.say(
            f"Left out of the corpus: {counted(corpus.n_unreadable, 'row')} of {corpus.file} without a formula."
        )
    return corpus


def _shared_outputs(options: dict[str, Any]) -> Iterator[Output]:
    """Yield what every build writes: the index, and the folder of unfinished runs."""
    yield Output((options["out"] or store.user_root()) / INDEX, "the index of catalogs", "scratch")
    yield Output(cache_folder() / "runs", "the folder of unfinished runs", "scratch")


def _own_output(options: dict[str, Any], name: str) -> Iterator[Output]:
    """Yield the version that a build writes, where its number is known."""
    if options["version"]:
        root = options["out"] or store.user_root()
        yield Output(root / name / options["version"], "the catalog", "folder")
