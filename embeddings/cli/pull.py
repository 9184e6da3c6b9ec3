"""The pull and sources commands: structures onto the disk, and where they can come from."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from embeddings.cli.guard import guard_source, lock_of
from embeddings.cli.printing import echo
from embeddings.cli.source_options import parse_options, require_builders, source_options
from embeddings.outputs import Output

if TYPE_CHECKING:
    from builders.snapshot import Snapshot


@click.command()
@click.option("--source", required=True, help="Where the structures come from; see embeddings sources.")
@click.option("--out", required=True, type=click.Path(path_type=Path, file_okay=False), help="Folder of the snapshot.")
@source_options
@click.option("--refresh", is_flag=True, help="Bring a snapshot up to date; fetch only what has changed.")
@click.option("--quiet", is_flag=True, help="No progress.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def pull(source: str, out: Path, refresh: bool, quiet: bool, as_json: bool, **options: Any) -> None:
    r"""Pull structures into a snapshot: frozen files with hashes, licence and counts, to build from later.

    A pull that was killed goes on where it stood when the same command is given again, and ends with the same bytes.

    \b
    Example:
      embeddings pull --source mp --stable-only --out mp-stable
      embeddings build --snapshot mp-stable --recipe ct-multi
    """
    require_builders()
    from builders.progress import Reporter
    from builders.refresh import refresh_snapshot
    from builders.snapshot import take_snapshot
    from builders.sources import open_stream

    guard_source(Output(out, "the snapshot", "folder"), lock_of(out), options=options)
    about, selection = parse_options(options)
    stream = open_stream(source, about, selection)
    take = refresh_snapshot if refresh else take_snapshot
    try:
        snapshot = take(out, source, stream, selection, Reporter(quiet=quiet))
    except KeyboardInterrupt:
        echo("Interrupted. The same command takes the pull up where it stood.", err=True)
        raise click.exceptions.Exit(130) from None
    _show(snapshot, as_json=as_json)


def _show(snapshot: Snapshot, *, as_json: bool) -> None:
    n_kept = snapshot.n_received - sum(snapshot.rejected.values())
    if as_json:
        document = {name: value for name, value in vars(snapshot).items() if name not in ("folder", "parts")}
        document |= {"path": str(snapshot.folder), "origin": snapshot.origin.to_dict(), "sha256": snapshot.sha256}
        echo(json.dumps(document))
        return
    version = f" {snapshot.origin.database_version}" if snapshot.origin.database_version else ""
    echo(f"{snapshot.folder}: {n_kept:,} structures of {snapshot.origin.name}{version}")
    for reason, n in snapshot.rejected.items():
        echo(f"  left out: {n:,} {reason}")
    echo(f"  licence: {snapshot.origin.licence}. {snapshot.origin.attribution}")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the sources as JSON.")
def sources(as_json: bool) -> None:
    r"""List where structures can come from, what each source needs, and the licence of its data.

    \b
    Example:
      embeddings sources
    """
    require_builders()
    from builders.sources import SOURCES

    if as_json:
        rows = [{"name": name, **asdict(info)} for name, info in SOURCES.items()]
        echo(json.dumps([{key: value for key, value in row.items() if key != "function"} for row in rows], indent=2))
        return
    for name, info in SOURCES.items():
        echo(f"{name}: {info.summary}\n  needs    {info.needs}\n  licence  {info.licence}")
