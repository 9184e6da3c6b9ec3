"""The ``embeddings`` command: a group whose commands are imported when they are asked for."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click

from embeddings._version import __version__
from embeddings.errors import EmbeddingsError
from embeddings.text import printable

COMMANDS = {
    "list": "embeddings.cli.catalogs:list_command",
    "show": "embeddings.cli.catalogs:show",
    "verify": "embeddings.cli.catalogs:verify",
    "neighbors": "embeddings.cli.catalogs:neighbors",
    "featurize": "embeddings.cli.featurize:featurize",
    "plot": "embeddings.cli.plot:plot",
    "explore": "embeddings.cli.explore:explore",
    "transferability": "embeddings.cli.transferability:transferability",
    "export": "embeddings.cli.export:export",
    "embed": "embeddings.cli.embed:embed",
    "build": "embeddings.cli.build:build",
    "pull": "embeddings.cli.pull:pull",
    "sources": "embeddings.cli.pull:sources",
}
"""Name of each command, in the order of the help text, and where it stands as ``module:function``."""


class LazyGroup(click.Group):
    """A group that imports a command only when it is asked for, and gives each named error one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command."""
        if cmd_name not in COMMANDS:
            return None
        module, _, function = COMMANDS[cmd_name].partition(":")
        return _with_marks(getattr(import_module(module), function))

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; an `EmbeddingsError` becomes ``Error: ...`` on stderr and exit code 1."""
        try:
            return super().invoke(ctx)
        except EmbeddingsError as error:
            raise click.ClickException(printable(" ".join(str(error).split()))) from error


def _with_marks(command: click.Command) -> click.Command:
    r"""Turn the two characters ``\b`` of a raw docstring into click's mark against rewrapping."""
    command.help = (command.help or "").replace("\\b", "\b")
    return command


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: embeddings neighbors starter Fe",
)
@click.version_option(__version__, prog_name="embeddings")
def main() -> None:
    """Embeddings as a dataset: build, verify, look up and use vectors for materials.

    Exit codes: 0 done, 1 a named error (one line on stderr), 2 wrong usage.
    """
