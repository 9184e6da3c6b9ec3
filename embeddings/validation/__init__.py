"""Whether a file, a version's folder or a root of catalogs is what docs/format.md specifies, whoever made it."""

from embeddings.validation.front import validate
from embeddings.validation.report import Finding, Report

__all__ = ["Finding", "Report", "validate"]
