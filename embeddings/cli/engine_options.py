"""Options for who does the work: this process, several, or a cluster."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from builders.engines import Engine

Command = Callable[..., Any]

_OPTIONS = (
    click.option(
        "--engine", type=click.Choice(["local", "ray"]), default="local", show_default=True,
        help="Where the work is done: by processes on this machine, or on a Ray cluster (needs the extra cluster).",
    ),
    click.option(
        "--workers", type=click.IntRange(1, 65_536),
        help="Number of workers.  [default: 1 on this machine; on a cluster, as many as it has room for]",
    ),
    click.option(
        "--address", metavar="auto|HOST:PORT",
        help="Address of the Ray cluster.  [default: one that runs on this machine, else a new one for this command]",
    ),
)  # fmt: skip

_GPUS = click.option(
    "--gpus-per-worker", type=click.IntRange(0, 16), default=0, show_default=True,
    help="GPUs for each worker of the Ray cluster.",
)  # fmt: skip


def engine_options(command: Command) -> Command:
    """Add the options of engines to a command that can use GPUs."""
    return worker_options(_GPUS(command))


def worker_options(command: Command) -> Command:
    """Add the options of engines to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def parse_engine(options: dict[str, Any]) -> Engine:
    """Take the options of engines out of all options.

    Raises:
        InputInvalid: they do not go together.
    """
    from builders.engines import Engine

    name, workers, address = (options.pop(key) for key in ("engine", "workers", "address"))
    return Engine(name, workers, address, options.pop("gpus_per_worker", 0))


def engine_of_source(engine: Engine, options: dict[str, Any]) -> Engine | None:
    """Return who parses the files of a source; None where nothing is said of it but by --jobs.

    Raises:
        click.UsageError: both --workers and --jobs are given.
    """
    from builders.engines import Engine

    if engine == Engine():
        return None
    if options["jobs"] > 1:
        raise click.UsageError("--jobs is the old name of --workers. Give one of them.")
    return engine


def engine_of_files(options: dict[str, Any], engine: Engine) -> Engine | None:
    """Return who parses the files of the source, if it has files to parse; without --workers, --jobs says it."""
    from builders.sources import SOURCES

    parses = options["source"] not in SOURCES or "engine" in SOURCES[options["source"]].takes
    return engine_of_source(engine, options) if parses else None
