"""Ways to learn, by case: what a network is told beside the labels of its structures."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Way:
    """What a network learns from.

    Attributes:
        name: in tables.
        teacher: what the teacher weighs; None for no teacher.
        labels: whether it learns labels.
        copies: whether it also learns from perturbed copies.
        stiffness: whether it also learns what the copies of a structure say of its stiffness.
        longer: whether it takes as many steps as a network that learns from copies.
        rare: whether what is known of few rows weighs more, by the square root.
    """

    name: str
    teacher: float | None = None
    labels: bool = True
    copies: bool = False
    stiffness: bool = False
    longer: bool = False
    rare: bool = False


TAUGHT = {
    "labels": Way("labels alone"),
    "teacher-1": Way("labels and teacher, weight 1", teacher=1.0),
    "teacher-4": Way("labels and teacher, weight 4", teacher=4.0),
    "teacher-alone": Way("teacher alone", teacher=1.0, labels=False),
}

COPIED = {
    "labels": TAUGHT["labels"],
    "longer": Way("labels alone, as many steps as with copies", longer=True),
    "copies": Way("labels and copies", copies=True),
    "copies-rare": Way("labels and copies, rare labels weigh more", copies=True, rare=True),
    "stiffness": Way("labels and stiffness", stiffness=True),
    "stiffness-longer": Way("labels and stiffness, as many steps as with copies", stiffness=True, longer=True),
    "teacher-1": TAUGHT["teacher-1"],
    "teacher-longer": Way("labels and teacher, as many steps as with copies", teacher=1.0, longer=True),
    "teacher-copies": Way("labels, copies and teacher", teacher=1.0, copies=True),
}

WAYS = TAUGHT | COPIED
"""Every way by name."""
