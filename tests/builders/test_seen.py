"""Identifiers that were there before, however many there are."""

from __future__ import annotations

import random

import pytest

from builders.snapshots import seen as module
from builders.snapshots.seen import Seen


@pytest.mark.parametrize("most", [1, 64, 1 << 20])
def test_the_first_of_each_is_new_and_no_other(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_IN_MEMORY", most)
    draw, seen, known = random.Random(0), Seen(), set[str]()
    for _ in range(60):
        names = [f"mp-{draw.randrange(900)}" for _ in range(draw.randrange(40))]
        expected = []
        for name in names:
            expected.append(name not in known)
            known.add(name)
        assert seen.add(names).tolist() == expected
    assert 600 < len(known) < 900


def test_names_are_told_apart_by_every_character() -> None:
    seen = Seen()
    assert seen.add(["a", "A", "a ", "", "\u00e4", "a\u0308", "\0", "a"]).tolist() == [True] * 7 + [False]
    assert not seen.add(["", "\0", "A"]).any()


def test_a_full_disk_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from embeddings.errors import OutputInvalid

    def full(*args: object, **more: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "MOST_IN_MEMORY", 1)
    seen = Seen()
    seen.add(["a"])
    monkeypatch.setattr(module.np, "memmap", full)
    with pytest.raises(OutputInvalid, match=r"No space left on device.*TMPDIR"):
        seen.add(["b"])
