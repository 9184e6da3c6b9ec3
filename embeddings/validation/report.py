"""What a validation finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

from embeddings.errors import EmbeddingsError

Kind = Literal["version", "root", "file"]


@dataclass(frozen=True)
class Finding:
    """One thing that is not as specified.

    Attributes:
        place: file, and within a root the version too.
        message: a sentence that says what was expected and what was there.
        is_error: whether it breaks the specification; otherwise it falls short of a recommendation.
    """

    place: str
    message: str
    is_error: bool = True

    def within(self, folder: str) -> Finding:
        """Return the same, seen from a folder above."""
        return Finding(f"{folder}/{self.place}", self.message, self.is_error)


@dataclass(frozen=True)
class Report:
    """What was validated, and everything that was found.

    Attributes:
        path: as it was given.
        kind: what it was taken for.
        findings: errors and recommendations, in the order of the checks.
    """

    path: str
    kind: Kind
    findings: tuple[Finding, ...]

    @property
    def errors(self) -> tuple[Finding, ...]:
        """What breaks the specification."""
        return tuple(finding for finding in self.findings if finding.is_error)

    @property
    def ok(self) -> bool:
        """Whether nothing breaks the specification."""
        return not self.errors

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "path": self.path,
            "kind": self.kind,
            "ok": self.ok,
            "findings": [asdict(finding) for finding in self.findings],
        }


def refusals(place: str, check: Callable[[], object]) -> Iterator[Finding]:
    """Yield the finding that a check ends with, if it ends with one."""
    try:
        check()
    except EmbeddingsError as error:
        yield Finding(place, str(error))


def advice(place: str, message: str) -> Finding:
    """Return a recommendation."""
    return Finding(place, message, is_error=False)
