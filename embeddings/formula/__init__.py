"""Chemical formulas: from ``"Ca(OH)2"`` to element fractions and one canonical spelling, one or a million at a time.

- :mod:`embeddings.formula.grammar` reads one formula, exactly, and says why when it cannot.
- :mod:`embeddings.formula.canonical` writes the one spelling that stands for a composition.
- :mod:`embeddings.formula.bulk` reads a whole column into a sparse matrix of element fractions; plain formulas
  through :mod:`embeddings.formula.scan`, vectorized over their bytes.
- :mod:`embeddings.formula.digest` hashes canonical formulas.
"""

from embeddings.formula.bulk import FractionMatrix, fraction_matrix, reduced_formulas
from embeddings.formula.canonical import reduced_formula
from embeddings.formula.digest import formula_digest, hash_formulas
from embeddings.formula.grammar import element_fractions, parse_formula

__all__ = [
    "FractionMatrix",
    "element_fractions",
    "formula_digest",
    "fraction_matrix",
    "hash_formulas",
    "parse_formula",
    "reduced_formula",
    "reduced_formulas",
]
