"""The variants: the recipe without some of its parts, or of another size, all with the same budget."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from benchmarks.language.tables import ALL
from builders.methods.language.recipes import LanguageRecipe
from embeddings.errors import InputInvalid, did_you_mean


@dataclass(frozen=True)
class Variant:
    """One way to learn.

    Attributes:
        recipe: how.
        enumerated: whether the corpus is drawn from OQMD as well.
        further: name of a teacher that the recipe does not name; None for the recipe's.
        is_beside: whether it teaches beside the recipe's, and not in its place.
    """

    recipe: LanguageRecipe
    enumerated: bool = False
    further: str | None = None
    is_beside: bool = False

    @property
    def is_taught(self) -> bool:
        """Whether weights are other than random."""
        return self.recipe.pretraining.epochs > 0 or self.recipe.training.epochs > 0

    @property
    def about(self) -> dict[str, Any]:
        """What takes part, for a table."""
        reading, training, model = self.recipe.pretraining, self.recipe.training, self.recipe.model
        return {
            "reads": reading.epochs > 0,
            "structures": training.epochs > 0 and training.needs_teacher,
            "labels": training.epochs > 0 and training.labels > 0,
            "width": model.width,
            "n_layers": model.n_layers,
        }


def budgeted(recipe: LanguageRecipe, *, reading: int, training: int, seed: int) -> LanguageRecipe:
    """Return a recipe with so many epochs of its two parts."""
    return replace(
        recipe,
        pretraining=replace(recipe.pretraining, epochs=reading),
        training=replace(recipe.training, epochs=training),
        seed=seed,
        split_seed=seed,
    )


def variants_of(recipe: LanguageRecipe, further: Iterable[str] = ()) -> dict[str, Variant]:
    """Return every variant of a recipe by name, the most telling first.

    Args:
        recipe: the whole one.
        further: names of teachers that it does not name.
    """
    taught = (one for name in further for one in _taught_by(recipe, name))
    return dict([*_variants(recipe), *taught])


def chosen_variants(variants: Mapping[str, Variant], names: Sequence[str]) -> dict[str, Variant]:
    """Return some variants in their order; all if none is named.

    Raises:
        InputInvalid: there is none of a name.
    """
    unknown = next((name for name in names if name not in variants), None)
    if unknown is not None:
        raise InputInvalid(
            f'No variant "{unknown}".{did_you_mean(unknown, variants)} There are: {", ".join(variants)}.'
        )
    return {name: one for name, one in variants.items() if name in names or not names}


def _variants(recipe: LanguageRecipe) -> Iterator[tuple[str, Variant]]:
    untaught = replace(recipe, training=replace(recipe.training, epochs=0))
    yield ALL, Variant(recipe)
    yield "random weights", Variant(_unread(untaught))
    yield "reading", Variant(untaught)
    yield "structures and labels", Variant(_unread(recipe))
    yield "reading and structures", Variant(_unlabelled(recipe))
    yield "reading and labels", Variant(_unaligned(recipe))
    yield f"{ALL}: another seed", Variant(replace(recipe, seed=recipe.seed + 1))
    yield f"{ALL}: OQMD is read", Variant(recipe, enumerated=True)
    yield f"{ALL}: half as wide", Variant(_wide(recipe, recipe.model.width // 2))
    yield f"{ALL}: one layer", Variant(_deep(recipe, 1))
    yield f"{ALL}: three layers", Variant(_deep(recipe, 3))
    yield f"{ALL}: twice as wide", Variant(_wide(recipe, recipe.model.width * 2))
    yield "labels", Variant(_unread(_unaligned(recipe)))
    yield "structures", Variant(_unread(_unlabelled(recipe)))
    yield "reading: OQMD is read", Variant(untaught, enumerated=True)


def _taught_by(recipe: LanguageRecipe, name: str) -> Iterator[tuple[str, Variant]]:
    yield f"{ALL}: {name} teaches", Variant(recipe, further=name)
    yield f"{ALL}: {recipe.teacher} and {name} teach", Variant(recipe, further=name, is_beside=True)


def _unread(recipe: LanguageRecipe) -> LanguageRecipe:
    return replace(recipe, pretraining=replace(recipe.pretraining, epochs=0))


def _unlabelled(recipe: LanguageRecipe) -> LanguageRecipe:
    return replace(recipe, training=replace(recipe.training, labels=0.0))


def _unaligned(recipe: LanguageRecipe) -> LanguageRecipe:
    return replace(recipe, training=replace(recipe.training, contrast=0.0, alignment=0.0))


def _wide(recipe: LanguageRecipe, width: int) -> LanguageRecipe:
    return replace(recipe, model=replace(recipe.model, width=width, feed_forward=2 * width))


def _deep(recipe: LanguageRecipe, n_layers: int) -> LanguageRecipe:
    return replace(recipe, model=replace(recipe.model, n_layers=n_layers))
