"""Options for where structures come from and which of them to take; ``build``, ``pull`` and ``embed`` share them."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from embeddings.cli.types import COUNT, Finite, PathOrUrl
from embeddings.elements import symbol
from embeddings.errors import MissingExtra
from embeddings.store.home import cache_folder
from embeddings.store.urls import is_url

if TYPE_CHECKING:
    from builders.engines import Engine
    from builders.sources import SourceOptions
    from builders.structures.cleaning import Selection

Command = Callable[..., Any]
_TABLES = (".parquet", ".pq")
_STRUCTURES = (".cif", ".mcif", ".vasp", ".poscar")


def split(ctx: click.Context, parameter: click.Parameter, value: str | None) -> tuple[str, ...] | None:
    """Turn ``a,b`` into a tuple."""
    return None if value is None else tuple(part.strip() for part in value.split(",") if part.strip())


def _span(ctx: click.Context, parameter: click.Parameter, value: str | None) -> tuple[int, int] | None:
    """Turn ``2`` or ``2-4`` into minimum and maximum."""
    if value is None:
        return None
    least, _, most = value.partition("-")
    if (
        len(value) > 20
        or not least.isdecimal()
        or not (most or least).isdecimal()
        or not 1 <= int(least) <= int(most or least)
    ):
        raise click.BadParameter(f'"{value}" is neither a number, such as 2, nor a range, such as 2-4.')
    return int(least), int(most or least)


_SOURCE_OPTIONS = (
    click.option(
        "--path",
        type=PathOrUrl(),
        help="File or folder, for a source that reads one; the source table also takes s3://, gs://, hf://.",
    ),
    click.option(
        "--about",
        help="Whose data it is: materials-project, or a .json file of name, license, attribution and bibtex.",
    ),
    click.option(
        "--api-key-file",
        type=click.Path(path_type=Path),
        help="File that holds the API key of the source mp.  [default: the variable MP_API_KEY]",
    ),
    click.option("--include-nc", is_flag=True, help="Include data whose license forbids commercial use."),
    click.option("--provider", help="Source optimade: the database, by name or address."),
    click.option("--filter", help="Source optimade: a filter in the OPTIMADE language."),
    click.option(
        "--disorder",
        type=click.Choice(["drop", "majority"]),
        default="drop",
        show_default=True,
        help="Structures with shared sites: leave them out, or give each site to the element with the largest share.",
    ),
    click.option(
        "--jobs",
        type=click.IntRange(1, 1024),
        default=1,
        show_default=True,
        help="Number of processes that parse files.",
    ),
)

_SELECTION_OPTIONS = (
    click.option("--elements", callback=split, help="Only structures made of these elements: Fe,O,..."),
    click.option("--exclude-elements", callback=split, help="Only structures without these elements: Tc,Pm,..."),
    click.option(
        "--exclude-formulas",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Only structures of other formulas than those in this file, one per line: vectors for a table of "
        "measurements that have not seen its formulas.",
    ),
    click.option("--chemsys", callback=split, help="Only structures of exactly these elements: Fe-O,Ni-O,..."),
    click.option("--nelements", callback=_span, help="Only structures with this number of elements: 2, or 2-4."),
    click.option(
        "--max-sites",
        type=COUNT,
        help="Only structures with at most this many atoms.  [default for build and embed: 2,000]",
    ),
    click.option("--stable-only", is_flag=True, help="Only structures on the convex hull."),
    click.option(
        "--ehull-max", type=Finite(min=0), help="Only structures at most this far above the convex hull (eV/atom)."
    ),
    click.option("--limit", type=COUNT, help="At most this many structures: the first that all other options keep."),
)


def source_options(command: Command) -> Command:
    """Add all options of sources and selections to a command."""
    for option in reversed(_SOURCE_OPTIONS + _SELECTION_OPTIONS):
        command = option(command)
    return command


snapshot_option = click.option(
    "--snapshot", type=click.Path(path_type=Path, file_okay=False), help="Or a snapshot: a folder that pull wrote."
)


def intake_options(command: Command) -> Command:
    """Add the options of a source or a snapshot, and of what is taken from it, to a command."""
    named = click.option("--source", help="Source of the structures; see embeddings sources.")
    return named(snapshot_option(source_options(command)))


SOURCE_NAMES = frozenset(parameter.name for parameter in source_options(lambda: None).__click_params__)  # type: ignore[attr-defined]
"""The names of these options."""


def check_source(ctx: click.Context, options: dict[str, Any]) -> None:
    """Refuse a command that names both a source and a snapshot, or neither, or gives a snapshot options of a source.

    Raises:
        click.UsageError: the message says which.
    """
    if (options["source"] is None) == (options["snapshot"] is None):
        raise click.UsageError("Name either --source or --snapshot.")
    given = click.core.ParameterSource.COMMANDLINE
    taken = {
        parameter.name for parameter in ctx.command.params if ctx.get_parameter_source(parameter.name or "") == given
    }
    refused = sorted(taken & SOURCE_NAMES) if options["snapshot"] else []
    if refused:
        raise click.UsageError(
            f"A snapshot is used as it is. Give --{refused[0].replace('_', '-')} to the pull instead."
        )


def place_to_path(options: dict[str, Any]) -> None:
    """Turn the argument PATH into --path, and find its source.

    Raises:
        click.UsageError: both are given, or PATH beside a snapshot.
    """
    place = options.pop("place")
    if place is not None and options["path"] is not None:
        raise click.UsageError("PATH and --path are the same option. Give one of them.")
    options["path"] = options["path"] if place is None else place
    if options["path"] is not None and options["source"] is None and options["snapshot"] is None:
        options["source"] = guess_source(options["path"])
    if place is not None and options["snapshot"] is not None:
        raise click.UsageError("A snapshot is used as it is. Leave PATH out.")


def guess_source(path: Path | str) -> str:
    """Return the source that reads a file or folder with this name: table for Parquet files, local for others."""
    if isinstance(path, str) or path.name.lower().endswith(_TABLES) or _holds_only_tables(path):
        return "table"
    return "local"


def _holds_only_tables(path: Path) -> bool:
    """Whether a folder holds Parquet files, there or further down, and no structure files beside them."""
    if not path.is_dir():
        return False
    beside = [entry.name.lower() for entry in path.iterdir()]
    if any(name.endswith(_STRUCTURES) for name in beside):
        return False
    return any(name.endswith(_TABLES) for name in beside) or next(path.rglob("*.parquet"), None) is not None


def require_builders(source: str | None = None) -> None:
    """Import what every command on the building side needs.

    Args:
        source: where the structures come from, if one is named.

    Raises:
        MissingExtra: names the package that is not installed, and the one extra that covers the source too.
    """
    try:
        import_module("builders.snapshots.snapshot")
    except ModuleNotFoundError as error:
        from builders.sources import SOURCES

        extra = SOURCES[source].extra if source in SOURCES else "build"
        raise MissingExtra.of(error.name or "A package of the builder", extra) from error


def parse_options(options: dict[str, Any], engine: Engine | None = None) -> tuple[SourceOptions, Selection]:
    """Turn the values of the options into objects for the builders.

    Args:
        options: of the source and the selection, by name.
        engine: who parses files; processes of this machine, as many as --jobs, if None.
    """
    from builders.engines import Engine
    from builders.sources import SourceOptions
    from builders.sources.origins import find_origin

    about = SourceOptions(
        path=None if is_url(options["path"]) else options["path"],
        url=options["path"] if is_url(options["path"]) else None,
        origin=find_origin(options["about"]) if options["about"] else None,
        engine=engine or Engine(workers=options["jobs"] if options["jobs"] > 1 else None),
        **{name: options[name] for name in ("api_key_file", "include_nc", "provider", "filter", "disorder")},
    )
    return about, _selection(options)


def intake(options: dict[str, Any], engine: Engine | None = None) -> dict[str, Any]:
    """Return what `builders.snapshots.intake.Intake` holds; the arguments are those of `parse_options`."""
    about, selection = parse_options(options, engine)
    given = {"source": options["source"], "snapshot": options["snapshot"]}
    return {"work": cache_folder(), "options": about, "selection": selection, **given}


def _selection(options: dict[str, Any]) -> Selection:
    from builders.structures.cleaning import Selection
    from builders.structures.exclusion import read_excluded

    excluded = options["exclude_formulas"]
    return Selection(
        elements=_symbols(options["elements"]),
        exclude_elements=_symbols(options["exclude_elements"]),
        exclude_formulas=read_excluded(excluded) if excluded else None,
        chemsys=_systems(options["chemsys"]),
        n_elements=options["nelements"],
        **{name: options[name] for name in ("max_sites", "ehull_max", "stable_only", "limit")},
    )


def _symbols(names: tuple[str, ...] | None) -> tuple[str, ...] | None:
    return None if names is None else tuple(symbol(name) for name in names)


def _systems(systems: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """Return each chemical system with its elements in alphabetical order, as databases write it."""
    if systems is None:
        return None
    return tuple("-".join(sorted(symbol(name) for name in system.split("-"))) for system in systems)
