"""How every benchmark works: a case is measured, its rows are stored as they come, and a table is made of them.

A `Suite` is a group of cases; `benchmarks` lists them. The result of a case is a document,
``benchmarks/results/SUITE/CASE.json``:

- ``name``, ``title``, ``quick``, ``created`` and ``environment``, written by the harness,
- ``rows``: measurements, each a mapping from column to text or number (None where there is none),
- and what the case adds, such as ``settings`` (with the seeds), ``goals`` and ``notes``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import click

from benchmarks.measure import environment
from benchmarks.options import DATA, FOLDER, one_line_errors
from embeddings.errors import InputInvalid
from embeddings.store.folders import write_text

RESUMES = "A run that was stopped goes on where it stood."

RESULTS = Path(__file__).parent / "results"

Document = dict[str, Any]
"""The result of a case."""

Row = dict[str, Any]
"""One measurement: column -> text or number."""


def row_with(rows: Iterable[Row], **values: Any) -> Row:
    """Return the first row that has all these values in the columns of these names."""
    return next(row for row in rows if all(row.get(column) == value for column, value in values.items()))


@dataclass(frozen=True)
class Request:
    """What a case is told.

    Attributes:
        quick: do almost nothing; only show that it runs.
        data: folder of the optional development data; it may not be there.
        known: the earlier result, whose rows need not be measured again; None if there is none.
        keep: stores the result so far, so that a run that is stopped can go on.
        choices: options of the suite.
    """

    quick: bool
    data: Path = Path()
    known: Document | None = None
    keep: Callable[[Mapping[str, Any]], None] = lambda result: None
    choices: Mapping[str, Any] = field(default_factory=dict)

    @property
    def rows(self) -> list[Row]:
        """The rows of the earlier result, to which others can be added."""
        return list(self.known["rows"]) if self.known else []


@dataclass(frozen=True)
class Case:
    """One table.

    Attributes:
        name: on the command line, and of the file of results.
        title: what is measured, for people; a result may state a more exact one.
        run: measures; returns ``rows`` and what else belongs to the result.
    """

    name: str
    title: str
    run: Callable[[Request], Mapping[str, Any]]


def case(name: str, title: str, function: str, /, **arguments: Any) -> Case:
    """Return a case whose module is not imported before it runs.

    Args:
        name: of the case.
        title: of its table.
        function: ``MODULE:NAME`` of what measures; it is called with the request and the arguments.
        arguments: that tell one case of a module from another.
    """
    return Case(name, title, lambda request: resolve_name(function)(request, **arguments))


@dataclass(frozen=True)
class Suite:
    """Cases that share options and the look of their tables.

    Attributes:
        name: of the folder of results.
        about: one sentence for the command line.
        cases: in the order in which they run.
        table: makes Markdown of one result.
        page: makes Markdown of all results, in the order of the cases; None for their tables one below the other.
        resumes: whether cases go on from an earlier result; where they measure ratios within one run, they cannot.
        verdict: says at the end of a run what all results that are there come to; None for nothing.
    """

    name: str
    about: str
    cases: Sequence[Case]
    table: Callable[[Document], str]
    page: Callable[[Sequence[Document]], str] | None = None
    resumes: bool = True
    verdict: Callable[[Sequence[Document]], str] | None = None

    @property
    def results(self) -> Path:
        """Folder of the published results."""
        return RESULTS / self.name

    @property
    def names(self) -> list[str]:
        """Names of all cases."""
        return [case.name for case in self.cases]


@dataclass(frozen=True)
class Store:
    """Results in a folder, ``NAME.json`` each; without a folder nothing is kept."""

    folder: Path | None

    def read(self, name: str) -> Document | None:
        """Return the result of a case, or None where there is none."""
        path = self.folder and self.folder / f"{name}.json"
        return json.loads(path.read_text(encoding="utf-8")) if path and path.is_file() else None

    def write(self, document: Mapping[str, Any]) -> None:
        """Keep a result under its name, atomically."""
        if self.folder is not None:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_text(self.folder / f"{document['name']}.json", json.dumps(document, indent=1) + "\n")

    def read_all(self, names: Iterable[str]) -> list[Document]:
        """Return the results that there are, in the order of the names."""
        return [document for name in names if (document := self.read(name)) is not None]


def measure(case: Case, store: Store, *, again: bool = False, **request: Any) -> Document:
    """Measure a case and store its result, going on from an earlier one.

    Args:
        case: what to measure.
        store: where results are kept.
        again: forget the earlier result.
        request: further fields of `Request`.

    Raises:
        InputInvalid: a quick result would replace a full one.
        EmbeddingsError: what the case needs is not there.
    """
    known, quick = store.read(case.name), request["quick"]
    if known and quick and not known["quick"]:
        raise InputInvalid(
            f"{store.folder} has a full result of {case.name}, which a quick one may not replace. Choose another --out."
        )
    if known and (again or known["quick"] != quick):
        known = None
    created = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    head = {"name": case.name, "title": case.title, "quick": quick, "created": created, "environment": environment()}
    result = case.run(Request(known=known, keep=lambda result: store.write(head | dict(result)), **request))
    document = head | dict(result)
    store.write(document)
    return document


def refuse_other_settings(known: Document | None, settings: Mapping[str, Any]) -> None:
    """Refuse to add rows to those that were measured with other settings.

    Raises:
        InputInvalid: the settings differ; names what differs.
    """
    stated = json.loads(json.dumps(settings))
    changed = [name for name in stated if known and known["settings"].get(name) != stated[name]]
    if changed:
        raise InputInvalid(
            f"The earlier results were measured with other settings ({', '.join(changed)}), so new rows cannot join "
            "their table. Start over with --again, or write elsewhere with --out."
        )


def render_all(suite: Suite, folder: Path | None = None) -> str:
    """Return the results of a suite as Markdown.

    Args:
        suite: whose results to render.
        folder: where they are; the published ones by default.

    Raises:
        InputInvalid: there are none, or one was measured in quick mode.
    """
    folder = folder or suite.results
    documents = Store(folder).read_all(suite.names)
    if not documents:
        raise InputInvalid(f"No results in {folder}. Measure first: python -m benchmarks {command_name(suite)}")
    hasty = [document["name"] for document in documents if document["quick"]]
    if hasty:
        raise InputInvalid(f"Quick results are for trying out, not for publishing: {', '.join(hasty)} in {folder}.")
    return suite.page(documents) if suite.page else "\n".join(map(suite.table, documents))


def command_name(suite: Suite) -> str:
    """Return the name of a suite on the command line."""
    return suite.name.replace("_", "-")


def command(suite: Suite, *options: click.Option) -> click.Command:
    """Return the command line of a suite.

    Args:
        suite: what it runs.
        options: those that only this suite has; their values become `Request.choices`.
    """

    @one_line_errors()
    def main(
        names: tuple[str, ...], quick: bool, data: Path, out: Path | None, again: bool = False, **choices: Any
    ) -> None:
        store = Store(out or (None if quick else suite.results))
        measured = []
        for case in suite.cases:
            if case.name in names or not names:
                measured.append(measure(case, store, again=again, quick=quick, data=data, choices=choices))
                click.echo(suite.table(measured[-1]))
        if suite.verdict is not None:
            click.echo(suite.verdict(store.read_all(suite.names) or measured))

    help_text = f"""{suite.about}

    Runs the named cases, or all; prints each table and keeps each result as NAME.json in
    benchmarks/results/{suite.name}; results of --quick are kept only where --out says.
    {RESUMES if suite.resumes else ""}
    """
    return click.Command(command_name(suite), callback=main, params=[*_common_options(suite), *options], help=help_text)


def _common_options(suite: Suite) -> list[click.Parameter]:
    again = click.Option(["--again"], is_flag=True, help="Forget the results that are there and start over.")
    return [
        click.Argument(["names"], nargs=-1, type=click.Choice(suite.names), metavar="[NAME]..."),
        click.Option(["--quick"], is_flag=True, help="Do almost nothing: shows that it runs, measures nothing."),
        click.Option(["--data"], **DATA),
        click.Option(["--out"], type=FOLDER, help="Folder for the results."),
        *([again] if suite.resumes else []),
    ]  # fmt: skip
