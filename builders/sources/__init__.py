"""Sources of structures, by name. To add one, write a file with one public function and an entry in ``SOURCES``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, Protocol

import pyarrow as pa

from builders.engines import Engine
from builders.runs.identity import identity_of
from builders.sources.origins import Origin
from builders.structures.cleaning import Selection
from embeddings.errors import InputInvalid, SourceError, did_you_mean

Cursor = Any
"""A place in a stream, as a plain JSON value; None is the beginning, and the end after the last batch."""


class DatabaseMoved(SourceError):
    """The database is no longer the one that a pull began with."""


@dataclass(frozen=True)
class SourceOptions:
    """What a user may tell a source.

    Attributes:
        path: file or folder to read, for sources that read one.
        url: of a file or folder elsewhere, such as ``s3://bucket/folder``, in its place.
        origin: whose data it is, where the source cannot tell.
        api_key_file: file with the key of a service; its environment variable is read if None.
        include_nc: take structures whose license forbids commercial use.
        provider: name of a database, for sources that can query several.
        filter: in the language of the source.
        disorder: what to do with sites that several elements share: ``"drop"`` or ``"majority"``.
        engine: who parses files; what is parsed does not depend on it.
    """

    path: Path | None = None
    url: str | None = None
    origin: Origin | None = None
    api_key_file: Path | None = None
    include_nc: bool = False
    provider: str | None = None
    filter: str | None = None
    disorder: Literal["drop", "majority"] = "drop"
    engine: Engine = field(default_factory=Engine)


@dataclass(frozen=True)
class Plan:
    """What a source holds, as found before the first batch; frozen in the snapshot.

    Attributes:
        origin: whose data it is.
        n_expected: number of structures; None where the source does not say.
        facts: route, endpoint, client versions, counts, as plain JSON values.
        items: what batches are made from, where the source lists it first (identifiers, file names).
    """

    origin: Origin
    n_expected: int | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    items: Sequence[Any] = ()


@dataclass(frozen=True)
class Rejected:
    """Something in the source that is not a usable structure.

    Attributes:
        item: file name or identifier.
        reason: the kind of fault, one of few, such as ``"unreadable"``.
        detail: what exactly is wrong, for people.
        place: where in the item, such as a block or a frame; empty where the item is one structure.
    """

    item: str
    reason: str
    detail: str = ""
    place: str = ""


@dataclass(frozen=True)
class Batch:
    """Structures that are fetched, checked and stored together.

    Attributes:
        table: in the structure schema.
        next: where the next batch begins; None after the last.
        rejected: what could not be used.
        counts: anything worth counting in the snapshot.
        status: a few words beside the progress bar.
    """

    table: pa.Table
    next: Cursor
    rejected: tuple[Rejected, ...] = ()
    counts: dict[str, int] = field(default_factory=dict)
    status: str = ""


class EarlierRows(Protocol):
    """Rows of an earlier snapshot, for a stream that reuses what has not changed."""

    def take(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], pa.Table]:
        """Return the rows, each a table of length one, that have these pairs of material_id and last_updated."""


class Stream(ABC):
    """What a source gives: batches of structures, starting at any cursor, the same ones every time.

    Attributes:
        query: what identifies the request, as plain JSON values: the same query, the same structures.
    """

    query: dict[str, Any]

    @abstractmethod
    def plan(self) -> Plan:
        """Find out what the source holds."""

    @abstractmethod
    def batches(self, plan: Plan, start: Cursor) -> Iterator[Batch]:
        """Yield the batches, beginning at ``start``."""

    def moved(self, plan: Plan) -> str | None:
        """Return what has changed since the plan was made; None if nothing has."""
        return None

    def refreshed(self, earlier: EarlierRows) -> Stream:
        """Return the same stream, except that it takes unchanged rows from an earlier snapshot."""
        raise InputInvalid("This source cannot tell what has changed. Pull it again into another folder.")


class Source(Protocol):
    """Opens a stream; it may apply parts of the selection itself, and then says so in the query."""

    def __call__(self, options: SourceOptions, selection: Selection = ...) -> Stream:
        """Return the stream; nothing here may need a network yet."""


@dataclass(frozen=True)
class SourceInfo:
    """What users need to know about a source before they use it.

    Attributes:
        function: where it is defined, as ``module:function``.
        summary: what it gives.
        needs: options, keys and extras.
        licence: of the data.
        takes: the fields of `SourceOptions` that it uses; any other is refused.
        recipe: built from it by default.
        extra: optional dependencies that cover the source and a build from it.
    """

    function: str
    summary: str
    needs: str
    licence: str
    takes: tuple[str, ...] = ()
    recipe: str = "ct-all"
    extra: str = "build"


SOURCES: dict[str, SourceInfo] = {
    "starter": SourceInfo(
        "builders.sources.starter:starter",
        summary="the packaged starter set, computed with CHGNet",
        needs="nothing",
        licence="see builders/sources/starter/CARD.md",
        recipe="starter",
    ),
    "table": SourceInfo(
        "builders.sources.table:table",
        summary="Parquet files of structures: one, a folder of them, or all behind s3://, gs:// or hf://",
        needs="--path FILE_FOLDER_OR_URL",
        licence="stated in the file, or with --about",
        takes=("path", "url", "origin"),
    ),
    "local": SourceInfo(
        "builders.sources.local:local",
        summary="files of your own: CIF or POSCAR folder with id_prop.csv, extended XYZ, ASE, MatBench, JARVIS",
        needs="--path DIR_OR_FILE; id_prop.csv without a header: --targets target; for ASE databases the extra sources",
        licence="stated with --about",
        takes=("path", "origin", "disorder", "engine"),
    ),
    "mp": SourceInfo(
        "builders.sources.mp:mp",
        summary="the Materials Project, through its API",
        needs="a key in MP_API_KEY or --api-key-file; the extra mp",
        licence="CC-BY-4.0; with --include-nc also CC-BY-NC-4.0",
        takes=("origin", "api_key_file", "include_nc", "disorder"),
        recipe="ct-multi",
        extra="mp",
    ),
    "mp-opendata": SourceInfo(
        "builders.sources.mp_opendata:mp_opendata",
        summary="the Materials Project's public bucket, for more than 100,000 structures",
        needs="no key; the extra mp",
        licence="CC-BY-4.0; with --include-nc also CC-BY-NC-4.0",
        takes=("origin", "include_nc", "disorder"),
        recipe="ct-multi",
        extra="mp",
    ),
    "optimade": SourceInfo(
        "builders.sources.optimade:optimade",
        summary="any database that speaks OPTIMADE: OQMD, Alexandria, COD, the Materials Project, or an address",
        needs="--provider NAME_OR_ADDRESS, and a --filter; the extra sources",
        licence="known for named providers, else stated with --about",
        takes=("origin", "provider", "filter", "disorder"),
        extra="sources",
    ),
}
"""Every source by name."""


def find_source(name: str) -> Source:
    """Return the source of this name, importing its module.

    Raises:
        InputInvalid: there is none; the message names the closest and lists all.
    """
    if name not in SOURCES:
        raise InputInvalid(f'No source "{name}".{did_you_mean(name, SOURCES)} Available: {", ".join(SOURCES)}.')
    module, function = SOURCES[name].function.split(":")
    source: Source = getattr(import_module(module), function)
    return source


def default_recipe(source: str) -> str:
    """Return the name of the recipe that belongs to a source, or the general one for a source that is not listed."""
    return SOURCES[source].recipe if source in SOURCES else SourceInfo.recipe


def open_stream(name: str, options: SourceOptions, selection: Selection) -> Stream:
    """Open the source of this name.

    Raises:
        InputInvalid: there is none, or it does not use an option that was given.
        SourceError: the source cannot be opened; the message says why.
    """
    source = find_source(name)
    default, takes = SourceOptions(), SOURCES[name].takes
    for entry in fields(SourceOptions):
        if getattr(options, entry.name) != getattr(default, entry.name) and entry.name not in takes:
            taken = ", ".join(_flag(name) for name in takes if name != "url") or "none of these options"
            raise InputInvalid(f"The source {name} takes no {_flag(entry.name)}; it takes {taken}.")
    stream = source(options, selection)
    if options.origin is not None:
        stream.query = {**stream.query, "about": _named(options.origin)}
    return stream


def _named(origin: Origin) -> str:
    """Return the name of an origin, and a hash that tells its terms from others of that name."""
    return f"{origin.name} ({identity_of(origin.to_dict())[:12]})"


_FLAGS = {"origin": "about", "engine": "workers", "url": "path with an address"}


def _flag(field_name: str) -> str:
    """Return the command-line option that sets a field."""
    return "--" + _FLAGS.get(field_name, field_name.replace("_", "-"))
