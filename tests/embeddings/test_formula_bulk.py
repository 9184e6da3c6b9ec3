import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from embeddings.elements import ATOMIC_NUMBERS, SYMBOLS
from embeddings.errors import FormulaInvalid, InputInvalid
from embeddings.formula import element_fractions, fraction_matrix, parse_formula, reduced_formula, reduced_formulas
from embeddings.formula.bulk import read_column
from embeddings.formula.scan import scan

MIXED = ["Fe2O3", "Ca(OH)2", "Ba0.4K0.6Fe2As2", "CuSO4·5H2O", "Zr1 Ni1 Sn1", "Fe2O3", "CH3NH3PbI3", "K4[ON(SO3)2]2"]

pieces = st.one_of(
    st.sampled_from(SYMBOLS),
    st.sampled_from(
        ["D", "T", "Xx", "a", "(", ")", "(", ")", "[", "]", " ", ".", "·", "+", "-", "0", "½", "\n", "H2O"]
    ),
    st.integers(0, 10**10).map(str),
    st.floats(0, 100).map(lambda number: f"{number:.3f}"),
)
near_formulas = st.lists(pieces, max_size=8).map("".join)


def exact(formula):
    try:
        return parse_formula(formula)
    except FormulaInvalid:
        return None


def entries(matrix, row):
    span = slice(matrix.offsets[row], matrix.offsets[row + 1])
    numbers = matrix.atomic_numbers[span].tolist()
    return {SYMBOLS[z - 1]: x for z, x in zip(numbers, matrix.amounts[span].tolist(), strict=True)}


def test_a_row_is_what_the_exact_reader_says():
    matrix = fraction_matrix(MIXED)
    assert len(matrix) == len(MIXED)
    for row, formula in enumerate(MIXED):
        assert entries(matrix, row) == pytest.approx(parse_formula(formula))
        span = slice(matrix.offsets[row], matrix.offsets[row + 1])
        assert matrix.fractions[span] == pytest.approx(list(element_fractions(formula).values()))
        assert matrix.totals[row] == pytest.approx(sum(parse_formula(formula).values()))


@given(st.lists(near_formulas, max_size=12))
@example(
    ["CuSO4.5H2O", "NaCl.2H2O", "Fe2.5(H2O)", "Na0.5H2O", "Ba2.0D2O", "X", "A", "Fe.5", "Fe0.5.5", "((Fe))", ")Fe("]
)
@example(
    ["(Fe2O3", "Fe)2", "(FeO)2(NaCl)3", "Fe()2", "(2Fe)", "Fe(2)", "(Fe)(O)", "(OO)2", "Fe 2", "F e", " Fe O ", "\nFe"]
)
def test_the_fast_and_the_exact_reader_never_disagree(column):
    read = read_column(column)
    for row, formula in enumerate(column):
        code = int(read.codes[row])
        expected = exact(formula)
        assert (code in read.invalid) == (expected is None)
        if expected is not None:
            assert entries(read.distinct, code) == pytest.approx(expected, rel=1e-14)


def test_plain_formulas_take_the_fast_way():
    assert scan(["Fe2O3", "Li0.5NiO2", "Ca(OH)2", "Zr1 Ni1", "Er3(P3Pd10)2"]).plain.all()
    assert not scan(["CuSO4·5H2O", "[Fe]2", "FeFe", "", "Xx", "CuSO4.5H2O"]).plain.any()


@given(st.lists(st.dictionaries(st.sampled_from(SYMBOLS), st.integers(1, 99), min_size=1, max_size=5), max_size=8))
def test_a_column_reduces_as_its_formulas_do(column):
    assert reduced_formulas(column) == [reduced_formula(formula) for formula in column]


def as_arrow(column):
    return pytest.importorskip("pyarrow").array(column)


def as_chunks(column):
    return pytest.importorskip("pyarrow").chunked_array([column[:3], column[3:]])


def as_series(column):
    return pytest.importorskip("pandas").Series(column, index=range(10, 10 + len(column)))


@pytest.mark.parametrize("kind", [list, tuple, iter, np.array, as_arrow, as_chunks, as_series])
def test_every_kind_of_column_is_read(kind):
    assert reduced_formulas(kind(MIXED)) == [reduced_formula(formula) for formula in MIXED]


def test_a_column_may_mix_strings_mappings_and_compositions():
    composition = pytest.importorskip("pymatgen.core").Composition
    assert reduced_formulas(["Fe4O6", {"Na": 2, "Cl": 2}, composition("CaTiO3")]) == ["Fe2O3", "NaCl", "CaTiO3"]


@pytest.mark.parametrize("column", [[], np.array([], dtype=str)])
def test_an_empty_column_is_an_empty_matrix(column):
    assert len(fraction_matrix(column)) == 0
    assert reduced_formulas(column) == []


def test_large_columns_are_read_in_blocks():
    column = [f"Fe{i}O{j}" for i in range(1, 301) for j in range(1, 101)]
    matrix = fraction_matrix(column)
    assert matrix.amounts[::2].tolist() == [i for i in range(1, 301) for _ in range(100)]
    assert matrix.amounts[1::2].tolist() == list(range(1, 101)) * 300


def test_the_first_bad_row_is_named_and_all_are_counted():
    with pytest.raises(FormulaInvalid, match=r'Row 1 \(counted from 0\): Formula "nacl".*2 rows of 4'):
        fraction_matrix(["Fe", "nacl", "O", "nacl"])
    with pytest.raises(FormulaInvalid, match=r"Row 2 .*: None"):
        fraction_matrix(as_arrow(["Fe", "O", None]))


@pytest.mark.parametrize("column", ["Fe2O3", b"Fe", 3, None, {"Fe": 2}])
def test_one_formula_is_not_a_column(column):
    with pytest.raises(InputInvalid, match="column of formulas"):
        fraction_matrix(column)


def test_rows_can_be_taken():
    matrix = fraction_matrix(MIXED)
    taken = matrix.take(np.array([3, 0, 0]))
    assert [entries(taken, row) for row in range(3)] == [entries(matrix, row) for row in (3, 0, 0)]


@pytest.mark.data
def test_data_of_the_field_agrees_with_pymatgen(data_folder):
    composition = pytest.importorskip("pymatgen.core").Composition
    parquet = pytest.importorskip("pyarrow.parquet")
    column = parquet.read_table(data_folder / "mp_structures.parquet", columns=["formula"])["formula"].to_pylist()
    some = sorted(set(column))[::40]
    assert reduced_formulas(some) == [composition(formula).reduced_formula for formula in some]


@pytest.mark.data
def test_fractional_and_whole_spellings_meet(data_folder):
    parquet = pytest.importorskip("pyarrow.parquet")
    known = parquet.read_table(data_folder / "mp_structures.parquet", columns=["formula"])["formula"]
    measured = parquet.read_table(data_folder / "experimental/formation_enthalpy_efe.parquet")["composition"]
    distinct = set(reduced_formulas(measured))
    assert len(distinct) == pytest.approx(1138, abs=5)
    assert len(distinct & set(reduced_formulas(known))) == pytest.approx(684, abs=10)


def test_atomic_numbers_are_the_keys():
    assert fraction_matrix(["OgH"]).atomic_numbers.tolist() == [ATOMIC_NUMBERS["Og"], 1]
