"""The ``embeddings`` command: a group whose commands are imported when they are asked for."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import click

import embeddings
from embeddings._version import __version__
from embeddings.cli.printing import echo
from embeddings.cli.progress import INTERRUPTED
from embeddings.cli.system import flush, interrupts_heard, prepare_streams, reason_of
from embeddings.display.text import printable
from embeddings.errors import EmbeddingsError, MissingExtra, RegistryWarning, did_you_mean
from embeddings.installation import namesake

_LONGEST = 2000

COMMANDS = {
    "list": "embeddings.cli.listing:list_command",
    "show": "embeddings.cli.show:show",
    "verify": "embeddings.cli.verify:verify",
    "validate": "embeddings.cli.validate:validate",
    "diff": "embeddings.cli.diff:diff",
    "overlap": "embeddings.cli.overlap:overlap",
    "neighbors": "embeddings.cli.neighbors:neighbors",
    "search": "embeddings.cli.search:search",
    "featurize": "embeddings.cli.featurize:featurize",
    "plot": "embeddings.cli.plot:plot",
    "explore": "embeddings.cli.explore:explore",
    "bench": "embeddings.cli.bench:bench",
    "transferability": "embeddings.cli.transferability:transferability",
    "fit": "embeddings.cli.fit:fit",
    "predict": "embeddings.cli.predict:predict",
    "explain": "embeddings.cli.explain:explain",
    "predict-structure": "embeddings.cli.predict_structure:predict_structure",
    "export": "embeddings.cli.export:export",
    "embed": "embeddings.cli.embed:embed",
    "perturb": "embeddings.cli.perturb:perturb",
    "build": "embeddings.cli.build:build",
    "import": "embeddings.cli.adopt:import_command",
    "pull": "embeddings.cli.pull:pull",
    "sources": "embeddings.cli.pull:sources",
    "push": "embeddings.cli.registry:push",
    "get": "embeddings.cli.registry:get",
    "registry": "embeddings.cli.registry:registry",
    "cache": "embeddings.cli.cache:cache",
}
"""Name of each command, in the order of the help text, and where it is defined as ``module:function``."""

EXTRAS = {"plot": "plot", "explore": "plot", "bench": "bench", "fit": "bench", "predict": "bench", "explain": "bench"}
"""The extra that covers everything a command may need, where its parts would name a smaller one."""


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

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a command; for one that there is not, name the closest."""
        if args[0] not in COMMANDS and not args[0].startswith("-") and not ctx.resilient_parsing:
            ctx.fail(f'No such command "{args[0]}".{did_you_mean(args[0], COMMANDS)}')
        return super().resolve_command(ctx, args)

    def main(self, *args: Any, **options: Any) -> Any:
        """Make the streams fit for any text, and run."""
        prepare_streams()
        return super().main(*args, **options)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; a named error, or one of the system, becomes ``Error: ...`` on stderr and exit code 1."""
        try:
            with _warnings_told(), interrupts_heard():
                result = super().invoke(ctx)
            flush()
        except click.UsageError as error:
            raise click.UsageError(_line(error.format_message()), error.ctx) from error
        except MissingExtra as error:
            whole = MissingExtra.of(error.package, EXTRAS.get(ctx.invoked_subcommand or "", error.extra))
            raise click.ClickException(_line(str(whole if error.extra else error))) from error
        except EmbeddingsError as error:
            raise click.ClickException(_line(str(error))) from error
        except KeyboardInterrupt:
            echo("Interrupted.", err=True)
            raise click.exceptions.Exit(INTERRUPTED) from None
        except (OSError, MemoryError, ImportError, RuntimeError, UnicodeEncodeError) as error:
            reason = reason_of(error)
            if reason is None:
                raise  # a broken pipe, which click handles, or a bug
            raise click.ClickException(_line(reason)) from error
        return result


@contextmanager
def _warnings_told() -> Iterator[None]:
    """Print warnings about registries as lines, without the place in the code that other warnings name."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", RegistryWarning)
        show = warnings.showwarning

        def told(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
            if issubclass(category, RegistryWarning):
                echo(f"Warning: {_line(str(message))}", err=True)
            else:
                show(message, category, *place, **more)

        warnings.showwarning = told
        yield


def _line(message: str) -> str:
    """Return a message as one line for a terminal, without the middle of a very long one."""
    text = printable(" ".join(message.split()))
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST // 2]} [...] {text[-_LONGEST // 2 :]}"


def _with_marks(command: click.Command) -> click.Command:
    r"""Turn the two characters ``\b`` of a raw docstring into click's mark against rewrapping, also within a group."""
    command.help = (command.help or "").replace("\\b", "\b")
    if isinstance(command, click.Group):
        for inner in command.commands.values():
            _with_marks(inner)
    return command


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: embeddings neighbors starter Fe",
)
@click.version_option(__version__, prog_name="embeddings")
def main() -> None:
    """Embeddings as a dataset: build, verify, look up and use vectors for materials.

    Exit codes: 0 done, 1 a named error (one line on stderr), 2 wrong usage, 130 interrupted (Ctrl-C).
    """
    from embeddings.store.locations import absent_roots

    _check_package()
    for trouble in absent_roots():
        echo(f"Warning: {trouble.reason}", err=True)


def _check_package() -> None:
    """Refuse to work with an `embeddings` package in which another distribution has replaced files.

    Raises:
        EmbeddingsError: says which one.
    """
    if getattr(embeddings, "__version__", None) != __version__ and (fault := namesake()):
        raise EmbeddingsError(fault)
