"""Potentials of others as encoders: a file for each, and a line below.

A potential's file holds a class that keeps `builders.others.base.Potential` and imports the potential's package only
where it is used.
"""

from __future__ import annotations

from builders.others.base import AnsweringPotential, Potential
from builders.others.chgnet import Chgnet
from builders.others.manifest import manifest_of
from builders.others.sevennet import Sevennet
from embeddings.errors import InputInvalid, did_you_mean

POTENTIALS: dict[str, type[Potential]] = {"chgnet": Chgnet, "sevennet": Sevennet}
"""Every potential by name."""


def find_potential(name: str) -> type[Potential]:
    """Return the class of a potential; nothing of it is loaded.

    Raises:
        InputInvalid: there is none of this name; names the closest, and lists all.
    """
    if name not in POTENTIALS:
        raise InputInvalid(
            f'No encoder "{name}" of others.{did_you_mean(name, POTENTIALS)} There are: {", ".join(POTENTIALS)}. The '
            "encoder behind a catalog is named with --catalog."
        )
    return POTENTIALS[name]


def find_answering(name: str) -> type[AnsweringPotential]:
    """Return the class of a potential that is asked for energies, forces and stresses; nothing of it is loaded.

    Raises:
        InputInvalid: there is none of this name, or it only gives vectors here.
    """
    answering = {one: made for one, made in POTENTIALS.items() if issubclass(made, AnsweringPotential)}
    if name not in answering:
        known = "gives vectors alone here" if name in POTENTIALS else "is no potential that is known here"
        raise InputInvalid(
            f'"{name}" {known}.{did_you_mean(name, answering)} Asked for energies and forces can be: '
            f"{', '.join(answering)}."
        )
    return answering[name]


def potential_of(manifest_sha256: str) -> type[Potential] | None:
    """Return the potential with this sealed manifest, as installed here; None where there is none."""
    return next((one for one in POTENTIALS.values() if manifest_of(one.about).manifest_sha256 == manifest_sha256), None)
