"""The ways of predicting that are compared: what each is given, and what it is compared with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

NOTHING = "-"
"""Stands for the encoder of a model that has none."""

NETWORK_ROWS = 100_000
"""Training rows of a network at most, with transfer and without: all that there are, of every task."""

Takes = Literal["nothing", "architecture", "encoder"]


@dataclass(frozen=True)
class Way:
    """A way of predicting.

    Attributes:
        takes: what there is one such model of: nothing, each architecture, or each encoder.
        rival: the model that differs from it in nothing but the transfer; empty where it is one itself.
        is_network: whether it trains a network, which takes long.
    """

    takes: Takes
    rival: str = ""
    is_network: bool = False


MODELS: dict[str, Way] = {
    "elements-ridge": Way("nothing"),
    "elements-boosting": Way("nothing"),
    "ridge": Way("encoder", "elements-ridge"),
    "boosting": Way("encoder", "elements-boosting"),
    "joined": Way("encoder", "elements-boosting"),
    "scratch": Way("architecture", is_network=True),
    "fine-tuned": Way("encoder", "scratch", is_network=True),
    "blend": Way("encoder", "scratch", is_network=True),
}
"""Every model by name, the cheap ones first."""


def rival_of(model: str, encoder: str, architectures: Mapping[str, str]) -> tuple[str, str] | None:
    """Return the model, and what it was given, that differs in nothing but the transfer; None for no transfer.

    Args:
        model: a key of `MODELS`.
        encoder: its name.
        architectures: encoder -> name of its architecture.
    """
    rival = MODELS[model].rival
    if not rival:
        return None
    return rival, architectures[encoder] if MODELS[rival].takes == "architecture" else NOTHING
