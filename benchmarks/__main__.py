"""The command: run benchmarks, print their tables, keep their results."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from benchmarks import BENCHMARKS
from benchmarks.load import PEERS_ENV
from benchmarks.measure import environment
from benchmarks.table import RESULTS, render
from embeddings.errors import EmbeddingsError
from embeddings.store.folders import write_text


def measured(name: str, *, quick: bool) -> dict[str, Any]:
    """Run one benchmark and return its result with the machine, the time and the mode."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    head = {"name": name, "quick": quick, "created": now, "environment": environment()}
    return head | import_module(f"benchmarks.{name}").run(quick)


@click.command(epilog="Example: python -m benchmarks load --peers-python ../peers/bin/python")
@click.argument("names", nargs=-1, type=click.Choice(BENCHMARKS), metavar="[NAME]...")
@click.option("--quick", is_flag=True, help="A few crystals and one round: shows that it runs, not how fast.")
@click.option("--peers-python", type=click.Path(exists=True, dir_okay=False), help="Interpreter that has the peers.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Folder for the results.")
def main(names: tuple[str, ...], quick: bool, peers_python: str | None, out: Path | None) -> None:
    """Run the named benchmarks, or all; print each table and write NAME.json.

    Results go to benchmarks/results; those of --quick are written only where --out says.
    """
    if peers_python:
        os.environ[PEERS_ENV] = os.path.abspath(peers_python)
    folder = out or (None if quick else RESULTS)
    try:
        for name in names or BENCHMARKS:
            result = measured(name, quick=quick)
            click.echo(render(result))
            if folder is not None:
                folder.mkdir(parents=True, exist_ok=True)
                write_text(folder / f"{name}.json", json.dumps(result, indent=2) + "\n")
    except EmbeddingsError as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    main()
