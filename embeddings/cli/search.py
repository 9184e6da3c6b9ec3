"""The search command: similar structures, near duplicates and diverse subsets of a file of vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from embeddings.cli.printing import as_json_option, echo, print_json, print_table
from embeddings.cli.progress import interrupted_leaves, progress
from embeddings.cli.types import COUNT, Finite, PathOrUrl
from embeddings.errors import InputInvalid, MissingExtra, OutputInvalid

if TYPE_CHECKING:
    from embeddings.search.collections import Collection
    from embeddings.search.index import VectorIndex
    from embeddings.search.matches import Match

_NONE = "No structure fulfills the conditions."


@click.command()
@click.argument("vectors", type=PathOrUrl())
@click.option(
    "--like", help="List what is similar to this: an identifier, a structure file, a vector (.npy), or a formula."
)
@click.option("-k", default=10, show_default=True, type=COUNT, help="With --like: number of similar structures.")
@click.option("--duplicates", type=Finite(0, 1, min_open=True), metavar="COSINE",
              help="Or list groups of near duplicates, which have at least this cosine, such as 0.999.")  # fmt: skip
@click.option("--diverse", type=COUNT, metavar="N", help="Or list N structures that are far from each other.")
@click.option("--where", help='Only rows that meet these conditions, such as "formula contains O and band_gap > 1".')
@click.option("--table", type=click.Path(path_type=Path),
              help="A .parquet, .csv or .tsv table with material_id and more columns.")  # fmt: skip
@click.option("--column", "columns", multiple=True, metavar="NAME", help="Also show this column; repeatable.")
@click.option("--index/--exact", "indexed", default=None,
              help="With --like: search with an index next to the file, which is made if needed; or exactly.  "
              "[default: exactly up to 1,000,000 rows]")  # fmt: skip
@click.option("--quiet", is_flag=True, help="Show no progress.")
@as_json_option
@click.pass_context
def search(
    ctx: click.Context, *, vectors: Path | str, like: str | None, k: int, duplicates: float | None, diverse: int | None,
    where: str | None, table: Path | None, columns: tuple[str, ...], indexed: bool | None, quiet: bool, as_json: bool,
) -> None:  # fmt: skip
    r"""Find similar structures in a file or folder of vectors that embeddings embed wrote.

    --like takes the identifier of a structure in the file, a structure file, which the encoder that made the vectors
    encodes, or a formula, which stands for all structures with it. Write ./NaCl for a file that is named like a
    formula. The search is exact, and memory does not grow with the number of structures.

    Beyond a million structures, or with --index, the search uses an index, FILE.index, which misses about one in a
    thousand. It is made once, and again when the file has changed; this needs the extra search.

    Join conditions with "and". A condition compares a column using = != < <= > >=; "contains" looks for elements in the
    formula, and for a piece of text in other columns.

    \b
    Example:
      embeddings search vectors.parquet --like mp-149 -k 5
      embeddings search vectors.parquet --like my.cif --where "formula contains O"
      embeddings search vectors.parquet --like LiFePO4 --table gaps.csv --where "gap > 1" --column gap
      embeddings search vectors.parquet --like mp-149 --index
      embeddings search vectors.parquet --duplicates 0.999
      embeddings search vectors.parquet --diverse 100 --json
    """
    from embeddings.search.collections import collection_of
    from embeddings.search.encoding import encode
    from embeddings.search.matches import search as find

    _check(ctx, like, duplicates, diverse)
    among = collection_of(vectors, table, encode=encode)
    if like is not None:
        ready = _index(among, indexed, quiet=quiet)
        found = find(among, like, k, where=where, columns=columns, ready=ready)
        _show_matches(found, empty=_NONE if where else "There is no other structure.", as_json=as_json)
        return
    rows = _duplicates(among, duplicates, where, columns) if duplicates else _diverse(among, diverse, where, columns)
    if duplicates:
        _show(rows, as_json=as_json, empty="No near duplicates.")
    else:
        _show(rows, as_json=as_json, empty=_NONE, cosine="cosine to nearest above")


def _check(ctx: click.Context, like: str | None, duplicates: float | None, diverse: int | None) -> None:
    if sum(one is not None for one in (like, duplicates, diverse)) != 1:
        raise click.UsageError("Give one of --like, --duplicates and --diverse.")
    if like is None and ctx.get_parameter_source("k") is click.core.ParameterSource.COMMANDLINE:
        raise click.UsageError("-k goes with --like.")
    if like is None and ctx.params["indexed"] is not None:
        raise click.UsageError("--index and --exact go with --like.")


def _index(among: Collection, wanted: bool | None, *, quiet: bool) -> VectorIndex | None:
    """Return the index of a file, which is made if need be; None for an exact search.

    Where an index cannot be had, the search is exact, and a line says why.
    """
    from embeddings.search.collections import InFile
    from embeddings.search.index import EXACT_UP_TO, VectorIndex, index_path

    if not isinstance(among, InFile) or not (among.n_rows > EXACT_UP_TO if wanted is None else wanted):
        return None
    try:
        place = index_path(among.path)
        with interrupted_leaves(place), progress(f"Writing {place.name}", lambda: among.n_rows, quiet=quiet) as advance:
            return VectorIndex.ready(among, advance)
    except (MissingExtra, OutputInvalid, InputInvalid) as error:
        echo(f"Searched without an index, exactly: {error}", err=True)
        return None


def _show_matches(found: Sequence[Match], *, empty: str, as_json: bool) -> None:
    if as_json:
        print_json([asdict(match) for match in found])
        return
    several = len({match.like for match in found}) > 1
    rows = [
        {"material_id": match.material_id, "formula": match.formula, "cosine": match.cosine}
        | ({"like": match.like} if several else {})
        | match.columns
        for match in found
    ]
    _show(rows, as_json=False, empty=empty)


def _duplicates(among: Collection, least: float, where: str | None, columns: Sequence[str]) -> list[dict[str, Any]]:
    from embeddings.search.duplicates import near_duplicates
    from embeddings.search.mapped import mapped_rows

    with mapped_rows(among, where) as (rows, vectors):
        found = near_duplicates(vectors, least)
    facts = {"group": (found.groups + 1).tolist(), "cosine": found.cosines.tolist()}
    return _told(among, rows[found.rows], facts, columns)


def _diverse(among: Collection, n: int | None, where: str | None, columns: Sequence[str]) -> list[dict[str, Any]]:
    from embeddings.search.diverse import diverse_rows
    from embeddings.search.mapped import mapped_rows

    with mapped_rows(among, where) as (rows, vectors):
        chosen, cosines = diverse_rows(vectors, n or 1)
    nearest = [None if np.isnan(cosine) else cosine for cosine in cosines.tolist()]
    return _told(among, rows[chosen], {"cosine": nearest}, columns)


def _told(
    among: Collection, rows: np.ndarray, facts: dict[str, list[Any]], columns: Sequence[str]
) -> list[dict[str, Any]]:
    """Return rows by their identifiers and formulas, with what was found of them."""
    wanted = list(dict.fromkeys(["material_id", "formula", *columns]))
    told = among.taken(rows, wanted).to_pylist()
    return [row | {name: values[i] for name, values in facts.items()} for i, row in enumerate(told)]


def _show(rows: list[dict[str, Any]], *, as_json: bool, empty: str, cosine: str = "cosine") -> None:
    """Print rows as a table or as JSON; ``cosine`` heads the column of that name in the table."""
    if as_json:
        print_json(rows)
    elif rows:
        heads = [cosine if name == "cosine" else name for name in rows[0]]
        print_table([heads, *([_cell(name, row[name]) for name in row] for row in rows)])
    else:
        echo(empty, err=True)


def _cell(name: str, value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.4f}" if name == "cosine" else f"{value:.6g}"
    return str(value)
