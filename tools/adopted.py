"""What published tables hold, and what they fill in: ``python -m tools.adopted`` writes the table of docs/adopt.md.

Needs the extra ``tables``. A package that is not installed stops it.
"""

from __future__ import annotations

from pathlib import Path

from embeddings.adopt import PACKAGES, Imported, examine, list_tables, packaged_table
from embeddings.store.card import listed
from embeddings.store.folders import write_text

PAGE = Path(__file__).parents[1] / "docs" / "adopt.md"
START, END = "<!-- adopted:start -->", "<!-- adopted:end -->"


def survey() -> dict[tuple[str, str], Imported]:
    """Return every table of every package, examined, by package and name."""
    names = [(package, name) for package in PACKAGES for name in list_tables(package)]
    return {key: examine(packaged_table(*key).table, skip_unknown=True) for key in names}


def page(found: dict[tuple[str, str], Imported]) -> str:
    """Return the table of the page."""
    lines = [
        "| package | table | elements | width | left out | kept, and odd |",
        "|---|---|---|---|---|---|",
    ]
    for (package, name), one in found.items():
        cells = (
            package,
            f"`{name}`",
            str(len(one.rows.symbols)),
            str(one.rows.vectors.shape[1]),
            "; ".join(filter(None, [listed(one.left_out), *_not_elements(one)])),
            "; ".join(filter(None, [listed(one.flagged), *_columns(one)])),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _not_elements(one: Imported) -> list[str]:
    mark = "Not elements, so left out: "
    return [f"no elements: {note.removeprefix(mark).rstrip('.')}" for note in one.notes if note.startswith(mark)]


def _columns(one: Imported) -> list[str]:
    return [note.partition(":")[0].replace("Column ", "") for note in one.notes if note.startswith("Column ")]


def main() -> None:
    """Write the page's table anew."""
    found = survey()
    text = PAGE.read_text(encoding="utf-8")
    before, after = text.partition(START)[0], text.partition(END)[2]
    write_text(PAGE, f"{before}{START}\n{page(found)}\n{END}{after}")


if __name__ == "__main__":
    main()
