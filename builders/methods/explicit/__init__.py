"""Explicit transfer: a formula gets candidate structures, and a model of structures looks at them.

After exKT (Rubtsov et al., arXiv 2511.03371), with structures from templates in place of a generator with weights,
which plugs in where one is at hand; see `drafts`.
"""

from __future__ import annotations

from builders.methods.explicit.candidates import Candidate, Candidates
from builders.methods.explicit.prediction import predict_structures
from builders.methods.explicit.reading import read_templates
from builders.methods.explicit.templates import TemplatePool

__all__ = ["Candidate", "Candidates", "TemplatePool", "predict_structures", "read_templates"]
