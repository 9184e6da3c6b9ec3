"""Splits by reduced formula."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from builders.learning.splits import split_by_formula

formulas = st.lists(st.sampled_from(["NaCl", "MgO", "Fe2O3", "SiO2", "GaAs", "TiO2"]), min_size=2).filter(
    lambda names: len(set(names)) > 1
)


@given(formulas, st.floats(0.0, 1.0), st.integers(0, 5))
def test_no_formula_is_on_both_sides(names: list[str], fraction: float, seed: int) -> None:
    training, validation = split_by_formula(names, validation_fraction=fraction, seed=seed)
    assert sorted([*training, *validation]) == list(range(len(names)))
    assert len(training) > 0
    assert len(validation) > 0
    assert {names[k] for k in training}.isdisjoint(names[k] for k in validation)


def test_the_split_depends_on_the_seed_and_not_on_the_order_of_rows() -> None:
    names = [f"A{k}" for k in range(50)]
    held_out = {names[k] for k in split_by_formula(names, validation_fraction=0.2, seed=0)[1]}
    backwards = names[::-1]
    assert {backwards[k] for k in split_by_formula(backwards, validation_fraction=0.2, seed=0)[1]} == held_out
    assert {names[k] for k in split_by_formula(names, validation_fraction=0.2, seed=1)[1]} != held_out


def test_a_formula_keeps_its_side_when_others_come_and_go() -> None:
    names = [f"A{k}" for k in range(400)]
    held_out = {names[k] for k in split_by_formula(names, validation_fraction=0.2, seed=0)[1]}
    fewer = names[::3]
    assert {fewer[k] for k in split_by_formula(fewer, validation_fraction=0.2, seed=0)[1]} == held_out & set(fewer)
    assert 50 < len(held_out) < 110  # 80 on average


def test_an_element_that_held_out_formulas_alone_have_keeps_one_formula_in_the_training() -> None:
    names = [f"Fe{k}O" for k in range(1, 200)]
    held_out = [names[k] for k in split_by_formula(names, validation_fraction=0.2, seed=0)[1]]
    names = [name.replace("Fe", "FeHe") if name in held_out[:2] else name for name in names]
    for seed in range(200):
        plain = {names[k] for k in split_by_formula(names, validation_fraction=0.2, seed=seed)[1]}
        kept = {names[k] for k in split_by_formula(names, validation_fraction=0.2, seed=seed, keep_elements=True)[1]}
        helium = {name for name in plain if "He" in name}
        assert kept <= plain
        assert len(plain - kept) == (1 if len(helium) == 2 else 0)
        assert plain - kept <= helium
