"""What the command lines of the benchmarks share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from embeddings.errors import EmbeddingsError, InputInvalid

DATA_ENV = "EMBEDDINGS_TEST_DATA"
"""Environment variable with the folder of the optional development data."""

FOLDER = click.Path(file_okay=False, path_type=Path)

DATA: dict[str, Any] = {
    "type": FOLDER, "default": ".", "envvar": DATA_ENV, "show_envvar": True, "help": "Folder of the development data.",
}  # fmt: skip
"""The option ``--data``."""


def numbers(kind: type) -> Callable[[str], tuple[Any, ...]]:
    """Return the type of an option that takes one number or several, ``a,b,...``."""

    def numbers(text: str) -> tuple[Any, ...]:
        return tuple(kind(part) for part in text.split(","))

    return numbers


def texts(text: str) -> tuple[str, ...]:
    """Return the parts of an option that takes one text or several, ``a,b,...``; ``-`` is none."""
    return () if text == "-" else tuple(text.split(","))


def check_there(path: Path) -> None:
    """Refuse to go on without a file of the development data.

    Raises:
        InputInvalid: there is no such file.
    """
    if not path.is_file():
        raise InputInvalid(f"No {path}. Name the folder of the development data with --data, or set {DATA_ENV}.")


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Turn an `EmbeddingsError` into one line for the user and exit code 1; also a decorator of commands."""
    try:
        yield
    except EmbeddingsError as error:
        raise click.ClickException(str(error)) from error


class MeasuresByDefault(click.Group):
    """A suite with more commands: takes ``bench steels`` for ``bench measure steels``."""

    default = "measure"

    @classmethod
    def of(cls, suite: click.Command, about: str, example: str) -> MeasuresByDefault:
        """Return a suite as the first of several commands.

        Args:
            suite: its command, which goes by the name of the default one there.
            about: what it measures, a sentence.
            example: of its arguments.
        """
        group = cls(
            suite.name,
            help=f'{about}\n\nThe word "{cls.default}" may be left out.',
            epilog=f"Example: python -m benchmarks {suite.name} {example}",
            subcommand_metavar="[NAME]... | COMMAND [ARGS]...",
        )
        group.add_command(suite, cls.default)
        return group

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the name of the default command before what is neither a command nor a question for help."""
        if not args or (args[0] not in self.commands and args[0] != "--help"):
            args = [self.default, *args]
        return super().parse_args(ctx, args)
