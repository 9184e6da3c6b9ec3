"""What a target is: numbers or classes, whatever holds them, and nothing that was masked."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from embeddings.errors import TargetInvalid

pytest.importorskip("sklearn")

from embeddings.estimators import CrossModalClassifier, CrossModalRegressor, finetune
from embeddings.tuning.targets import checked_classes, checked_numbers

pd = pytest.importorskip("pandas")


@pytest.mark.parametrize(
    ("target", "kind"),
    [
        (pd.Series([1.5, 2, 3.25], dtype=object), CrossModalRegressor),
        ([Decimal("1.5"), 2, 3.25], CrossModalRegressor),
        (pd.Series([1.5, None, 3.25], dtype=object), CrossModalRegressor),  # which then names the missing one
        (pd.Series([1, 2, 3], dtype="Int64"), CrossModalRegressor),
        (np.array([True, False, True], dtype=object), CrossModalClassifier),
        (pd.Series(["1", "2", "3"]), CrossModalClassifier),
        (pd.Categorical(["a", "b", "a"]), CrossModalClassifier),
    ],
)
def test_numbers_are_numbers_in_any_container(target: Any, kind: type, monkeypatch: pytest.MonkeyPatch) -> None:
    for one in (CrossModalRegressor, CrossModalClassifier):
        monkeypatch.setattr(one, "fit", lambda self, *_: self)
    assert type(finetune("cromel-multi", ["NaCl", "KCl", "LiF"], target)) is kind


@pytest.mark.parametrize("checked", [checked_numbers, checked_classes])
def test_what_lies_under_a_mask_is_not_learned(checked: Any) -> None:
    masked = np.ma.masked_array([1.0, 2.0, 999.0], mask=[False, False, True])
    with pytest.raises(TargetInvalid, match="masked in 1 row, the first of them 2"):
        checked(masked, 3)
    checked(np.ma.masked_array([1.0, 2.0, 3.0]), 3)
