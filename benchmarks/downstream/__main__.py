"""The command: run the parts, keep their results, print their tables."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from benchmarks.downstream import PARTS
from benchmarks.downstream.summary import RESULTS, render
from benchmarks.options import numbers
from embeddings.errors import EmbeddingsError
from embeddings.store.folders import write_text


@click.command(epilog="Example: python -m benchmarks.downstream cgcnn-ef-1000 --catalog ct-multi")
@click.argument("names", nargs=-1, type=click.Choice(list(PARTS)), metavar="[PART]...")
@click.option("--quick", is_flag=True, help="Next to nothing: shows that it runs.")
@click.option("--catalog", "catalogs", multiple=True, default=("ct-multi",), show_default=True)
@click.option("--only", multiple=True, metavar="FEATURES", help="Kinds of features.  [default: the part's own choice]")
@click.option("--seeds", type=numbers(int), help="a,b,...  [default: three]")
@click.option("--again", is_flag=True, help="Forget the results that are there.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Folder for the results.")
def main(
    names: tuple[str, ...],
    quick: bool,
    catalogs: tuple[str, ...],
    only: tuple[str, ...],
    seeds: tuple[int, ...] | None,
    again: bool,
    out: Path | None,
) -> None:
    """Run the named parts, or all; print each table and write PART.json.

    Results go to benchmarks/results/downstream, those of --quick only where --out says. Kinds of features whose results
    are there are not measured again, so that a run that was stopped goes on where it stood, and another catalog joins
    the same table.
    """
    folder = out or (None if quick else RESULTS)
    choices = {"seeds": seeds or ((0,) if quick else None)}
    choices |= {"only": only} if only else {}
    try:
        for name in names or PARTS:
            path = folder / f"{name}.json" if folder else None
            known = json.loads(path.read_text(encoding="utf-8")) if path and path.exists() and not again else None
            _measure(name, path, known, catalogs=catalogs, quick=quick, **choices)
    except EmbeddingsError as error:
        raise click.ClickException(str(error)) from error


def _measure(
    name: str,
    path: Path | None,
    known: dict[str, Any] | None,
    *,
    catalogs: tuple[str, ...],
    quick: bool,
    **choices: Any,
) -> None:
    part = PARTS[name]
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    head = {"name": name, "title": part.title, "quick": quick, "created": now}

    def keep(result: dict[str, Any]) -> None:
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_text(path, json.dumps(head | result, indent=1) + "\n")

    result = part.run(catalogs, quick=quick, **({} if part.catalogs else choices | {"known": known, "keep": keep}))
    keep(result)
    click.echo(render(head | result))


if __name__ == "__main__":
    main()
