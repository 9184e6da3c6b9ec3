"""Every error that this project raises on purpose.

::

    EmbeddingsError
    ├── CatalogNotFound      (LookupError)      no such name or version
    ├── CatalogExists        (FileExistsError)  a released version is never overwritten
    ├── CatalogCorrupt       (OSError)          a file is missing, truncated or altered
    ├── CatalogConflict      (ValueError)       two contents go by one name and version
    ├── RegistryUnreachable  (ConnectionError)  a registry that does not answer
    ├── RegistryInvalid      (ValueError)       a registry that says what cannot be, or asks too much
    ├── SignatureInvalid     (ValueError)       a signature that is wrong, or missing where one is required
    ├── ManifestInvalid      (ValueError)       a manifest that does not fit its schema
    ├── ElementUnknown       (LookupError)      not a chemical element
    ├── ElementNotCovered    (LookupError)      an element without a row in this catalog
    ├── MaterialNotCovered   (LookupError)      a material without a row in this catalog
    ├── TrainingNotTold      (LookupError)      a catalog that does not tell where its training crystals lie
    ├── FormulaInvalid       (ValueError)       a formula that cannot be read, or reads two ways
    ├── ColumnNotFound       (LookupError)      a table lacks a column that was asked for
    ├── InputInvalid         (ValueError)       any other input that cannot be used
    ├── LicenceConflict      (ValueError)       a license that allows more than what the result comes from
    ├── OutputInvalid        (OSError)          an output that cannot be written
    ├── SourceError          (RuntimeError)     a source that gave nothing usable
    ├── TargetInvalid        (ValueError)       a target that cannot be learned
    ├── TrainingError        (RuntimeError)     a run that cannot continue or resume
    ├── EngineError          (RuntimeError)     workers that cannot be had, or die
    └── MissingExtra         (ImportError)      an optional dependency is not installed

Each also inherits the builtin that a caller would expect. A message says what was asked, what was there and
what to do. The command line turns an ``EmbeddingsError`` into one line and exit code 1; anything else is a bug
and keeps its traceback.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from embeddings.display.text import one_line


class EmbeddingsError(Exception):
    """Root of the errors that this project raises on purpose."""

    def __str__(self) -> str:
        """Return the message alone (a bare ``KeyError`` would quote it, an ``OSError`` reformat it).

        It is one printable line, whatever it quotes: messages of other libraries may have several.
        """
        lines = str(self.args[0]).splitlines() if self.args else []
        return one_line(" ".join(filter(None, map(str.strip, lines))))


class CatalogNotFound(EmbeddingsError, LookupError):
    """No catalog, or no version of it, goes by this name."""


class CatalogExists(EmbeddingsError, FileExistsError):
    """A released version is where a new one would be written."""


class CatalogCorrupt(EmbeddingsError, OSError):
    """A catalog file is missing, truncated or altered."""


class CatalogConflict(EmbeddingsError, ValueError):
    """Two contents go by one name and version."""


class RegistryUnreachable(EmbeddingsError, ConnectionError):
    """A registry does not answer, or refuses to."""


class RegistryInvalid(EmbeddingsError, ValueError):
    """A registry says what cannot be, or asks for more than is given."""


class SignatureInvalid(EmbeddingsError, ValueError):
    """A signature is wrong, or missing where one is required."""


class ManifestInvalid(EmbeddingsError, ValueError):
    """A manifest does not fit its schema."""


class ElementUnknown(EmbeddingsError, LookupError):
    """The symbol or number is not that of a chemical element."""


class ElementNotCovered(EmbeddingsError, LookupError):
    """The catalog has no row for the element."""


class MaterialNotCovered(EmbeddingsError, LookupError):
    """The catalog has no row for the material."""


class TrainingNotTold(EmbeddingsError, LookupError):
    """The catalog does not tell where the crystals lie that its encoder was trained on."""


class FormulaInvalid(EmbeddingsError, ValueError):
    """The formula cannot be read, or can be read in two ways."""


class ColumnNotFound(EmbeddingsError, LookupError):
    """A table lacks a column that was asked for."""


class InputInvalid(EmbeddingsError, ValueError):
    """The input cannot be used."""


class LicenceConflict(EmbeddingsError, ValueError):
    """No license fits all that a result comes from, or the stated one allows more than they do."""


class OutputInvalid(EmbeddingsError, OSError):
    """The output cannot be written."""


class SourceError(EmbeddingsError, RuntimeError):
    """A source of structures gave nothing usable."""


class TargetInvalid(EmbeddingsError, ValueError):
    """A target cannot be learned: it is missing, constant, or not a number."""


class TrainingError(EmbeddingsError, RuntimeError):
    """A training run cannot continue or resume."""


class EngineError(EmbeddingsError, RuntimeError):
    """Workers cannot be started or reached, differ from the process that leads them, or die again and again."""


class WeightsNotFound(EmbeddingsError, FileNotFoundError):
    """Weights that a model needs are not where they were named."""


class RegistryWarning(UserWarning):
    """What a user of a registry should know, though it is no error."""


class UnlikeTraining(UserWarning):
    """Crystals lie far from all that an encoder was trained on, so that it may know little of them."""


class MissingExtra(EmbeddingsError, ImportError):
    """An optional dependency is not installed.

    Attributes:
        package: that is missing.
        extra: that brings it.
    """

    package: str = ""
    extra: str = ""

    @classmethod
    def of(cls, package: str, extra: str, why: str = "is not installed") -> MissingExtra:
        """Name the package that is missing, and how to install the extra that brings it."""
        from embeddings.installation import install_hint

        error = cls(f"{package} {why}. Install it with: {install_hint(extra)}")
        error.package, error.extra = package, extra
        return error


@contextmanager
def needs(package: str, extra: str) -> Iterator[None]:
    """Turn an import that fails into `MissingExtra`.

    Args:
        package: that is imported.
        extra: that brings it.
    """
    try:
        yield
    except MissingExtra:
        raise
    except ModuleNotFoundError as error:
        raise MissingExtra.of(package, extra) from error
    except ImportError as error:
        raise MissingExtra.of(package, extra, f"is installed but cannot be imported ({error})") from error


@contextmanager
def builders_needed() -> Iterator[None]:
    """Turn a package of the builders that is not installed into `MissingExtra`."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise MissingExtra.of(error.name or "A package of the builder", "build") from error


def did_you_mean(asked: str, known: Iterable[str]) -> str:
    """Return ``' Did you mean "x"?'`` for the closest known name, or an empty string."""
    import difflib

    known = list(known)
    folded = {name.lower(): name for name in known}
    close = difflib.get_close_matches(asked.lower(), list(folded), n=1, cutoff=0.6)
    return f' Did you mean "{folded[close[0]]}"?' if close else ""
