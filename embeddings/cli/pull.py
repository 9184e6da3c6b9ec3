"""The pull and sources commands: structures onto disk, and where they can come from."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from embeddings.cli.engine_options import engine_of_source, parse_engine, worker_options
from embeddings.cli.guard import guard_source, lock_of
from embeddings.cli.printing import echo, print_line
from embeddings.cli.progress import interrupted_resumes
from embeddings.cli.source_options import guess_source, parse_options, require_builders, source_options
from embeddings.cli.types import PathOrUrl
from embeddings.display.numbers import counted
from embeddings.store.outputs import Output

if TYPE_CHECKING:
    from builders.progress import Reporter
    from builders.snapshots.check import Label, Report
    from builders.snapshots.snapshot import Snapshot
    from builders.sources import Stream
    from builders.structures.cleaning import Selection


@click.command()
@click.argument("place", metavar="[PATH]", required=False, type=PathOrUrl())
@click.option("--source", help="Source of the structures; see embeddings sources.  [default: from PATH]")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Folder of the snapshot.")
@source_options
@worker_options
@click.option("--check", is_flag=True, help="Read everything, report what is wrong, and write nothing.")
@click.option("--refresh", is_flag=True, help="Bring a snapshot up to date; fetch only what has changed.")
@click.option("--quiet", is_flag=True, help="Show no progress.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@interrupted_resumes("pull")
def pull(
    place: Path | str | None,
    source: str | None,
    out: Path | None,
    check: bool,
    refresh: bool,
    quiet: bool,
    as_json: bool,
    **options: Any,
) -> None:
    r"""Pull structures into a snapshot: frozen files with hashes, license and counts, to build from later.

    If a pull is killed, the same command resumes it; the result has the same bytes, with any number of workers. PATH is
    short for --path; without --source, Parquet files are read by the source table, anything else by local.

    With --check, exit code 0 means that at least one structure can be used.

    \b
    Example:
      embeddings pull --check my_cifs
      embeddings pull --source mp --stable-only --out mp-stable
      embeddings pull --source local --path my_cifs --workers 8 --out mine
      embeddings build --snapshot mp-stable --recipe ct-multi
    """
    source = _understood(place, source, out, options, check=check, refresh=refresh)
    require_builders(source)
    from builders.progress import Reporter
    from builders.sources import open_stream

    if out is not None:
        guard_source(Output(out, "the snapshot", "folder"), lock_of(out), options=options)
    about, selection = parse_options(options, engine_of_source(parse_engine(options), options))
    stream = open_stream(source, about, selection)
    reporter = Reporter(quiet=quiet)
    if out is None or check:
        _check(stream, selection, reporter, as_json=as_json)
    else:
        _show(_taken(out, source, stream, selection, reporter, refresh=refresh), as_json=as_json)


def _understood(
    place: Path | str | None,
    source: str | None,
    out: Path | None,
    options: dict[str, Any],
    *,
    check: bool,
    refresh: bool,
) -> str:
    """Return the name of the source; PATH becomes --path among the options."""
    if place is not None and options["path"] is not None:
        raise click.UsageError("PATH and --path are the same option. Give one of them.")
    options["path"] = options["path"] or place
    if source is None and options["path"] is None:
        raise click.UsageError("No source is named. Give --source, or the PATH of your own files.")
    if out is None and not check:
        raise click.UsageError("No folder is named for the snapshot. Give --out, or look first with --check.")
    if check and refresh:
        raise click.UsageError("--check writes nothing, so it cannot go with --refresh.")
    return source or guess_source(options["path"])


def _taken(
    out: Path, source: str, stream: Stream, selection: Selection, reporter: Reporter, *, refresh: bool
) -> Snapshot:
    from builders.snapshots.refresh import refresh_snapshot
    from builders.snapshots.snapshot import take_snapshot

    return (refresh_snapshot if refresh else take_snapshot)(out, source, stream, selection, reporter)


def _check(stream: Stream, selection: Selection, reporter: Reporter, *, as_json: bool) -> None:
    from builders.snapshots.check import check_source

    report = check_source(stream, selection, reporter)
    if as_json:
        echo(json.dumps(report.to_dict()))
    else:
        for line in _report_lines(report):
            print_line(line)
    if not report.n_usable:
        raise click.exceptions.Exit(1)


def _report_lines(report: Report) -> Iterator[str]:
    yield f"{counted(report.n_received, 'structure')} of {report.source}"
    for reason, kind in report.faults.items():
        yield f"  fault: {kind.n:,} {reason}" + (f" ({kind.mend})" if kind.mend else "")
        for first in kind.first:
            yield "    " + ", ".join(filter(None, (first["item"], first["place"]))) + f": {first['detail']}"
        if kind.n > len(kind.first):
            yield f"    and {kind.n - len(kind.first):,} more"
    for reason, n in (report.rejected - Counter({reason: kind.n for reason, kind in report.faults.items()})).items():
        yield f"  left out as you asked: {n:,} {reason}"
    for name, n in report.counts.items():
        yield f"  noted: {n:,} {name}"
    for name, label in report.labels.items():
        yield f"  label {name}: {_label_line(label, report.n_usable)}"
    yield f"{report.n_kept:,} would be kept, and {report.n_usable:,} of them can be used. Nothing was written."


def _label_line(label: Label, n_usable: int) -> str:
    known = f"{label.n_known:,} of {n_usable:,} known"
    if label.n_known == 0:
        return known
    if label.is_constant:
        return f"{known}, all of them {label.least:g}: nothing to learn"
    if label.is_binary:
        return f"{known}, each 0 or 1"
    return f"{known}, from {label.least:g} to {label.most:g}"


def _show(snapshot: Snapshot, *, as_json: bool) -> None:
    if as_json:
        document = {name: value for name, value in vars(snapshot).items() if name not in ("folder", "parts")}
        document |= {"path": str(snapshot.folder), "origin": snapshot.origin.to_dict(), "sha256": snapshot.sha256}
        echo(json.dumps(document))
        return
    for line in _snapshot_lines(snapshot):
        print_line(line)


def _snapshot_lines(snapshot: Snapshot) -> Iterator[str]:
    version = f" {snapshot.origin.database_version}" if snapshot.origin.database_version else ""
    yield f"{snapshot.folder}: {counted(snapshot.n_kept, 'structure')} of {snapshot.origin.name}{version}"
    if snapshot.facts.get("first_line_of_id_prop.csv") == "is a structure":
        yield "  id_prop.csv has no header: its values are the target called target, or target_1, target_2 (--targets)"
    for reason, n in snapshot.rejected.items():
        yield f"  left out: {n:,} {reason}"
    for reason, n in snapshot.unusable.items():
        yield f"  kept, but not usable by a build: {n:,} {reason}"
    for name, n in snapshot.counts.items():
        yield f"  noted: {n:,} {name}"
    if (snapshot.folder / "rejected.csv").exists():
        yield f"  listed with fixes in {snapshot.folder / 'rejected.csv'}"
    yield f"  license: {snapshot.origin.licence}. {snapshot.origin.attribution}"


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the sources as JSON.")
def sources(as_json: bool) -> None:
    r"""List where structures can come from, what each source needs, the license of its data, and its default recipe.

    \b
    Example:
      embeddings sources
    """
    from builders.sources import SOURCES

    if as_json:
        rows = [{"name": name, **asdict(info)} for name, info in SOURCES.items()]
        echo(json.dumps([{key: value for key, value in row.items() if key != "function"} for row in rows], indent=2))
        return
    for name, info in SOURCES.items():
        echo(f"{name}: {info.summary}\n  needs    {info.needs}\n  license  {info.licence}\n  recipe   {info.recipe}")
