"""The validate command: what keeps a file, a version or a root from being what the format says."""

from __future__ import annotations

import click

from embeddings.cli.printing import as_json_option, print_json, print_line, print_table
from embeddings.display.numbers import counted
from embeddings.errors import CatalogCorrupt
from embeddings.validation import Report
from embeddings.validation import validate as check


@click.command()
@click.argument("path")
@as_json_option
def validate(path: str, as_json: bool) -> None:
    r"""List every way in which a catalog, whoever made it, deviates from docs/format.md.

    PATH is the folder of a version, a root of catalogs, a file of vectors (.parquet, .npy, .h5), the URL of one of
    these, or a version in a registry. An error breaks the format, and the exit code is 1. Advice names what a reader
    would miss.

    \b
    Example:
      embeddings validate catalogs/starter/0.3.0
      embeddings validate https://example.org/catalogs --json
      embeddings validate hf://their-group/embeddings/my-vectors@1.0.0
    """
    report = check(path)
    if as_json:
        print_json(report.to_dict())
    else:
        _print(report)
    if not report.ok:
        first = report.errors[0]
        others = len(report.errors) - 1
        more = f" It has {counted(others, 'more error')}." if others else ""
        raise CatalogCorrupt(f"{path} deviates from docs/format.md. {first.place}: {first.message}{more}")


def _print(report: Report) -> None:
    if report.findings:
        print_table([("error" if f.is_error else "advice", f.place, f.message) for f in report.findings])
    if report.ok:
        n_advice = len(report.findings)
        pieces = f", with {counted(n_advice, 'piece')} of advice" if n_advice else ""
        print_line(f"Valid {report.kind}: {report.path}{pieces}")
