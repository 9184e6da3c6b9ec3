"""Fill what is generated: catalogs, benchmark tables and file tree of the README, and the tables of two pages in docs.

Run it with `make readme`.
"""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

from benchmarks.cross_modal import summary as cross_modal
from benchmarks.downstream import summary as downstream
from benchmarks.table import render_all
from embeddings import index
from embeddings.folders import write_text
from embeddings.manifest import Manifest, read_manifest

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
DOWNSTREAM = ROOT / "docs" / "downstream.md"
CROSS_MODAL = ROOT / "docs" / "composition-encoders.md"
CATALOGS = ROOT / "catalogs"

COMMENTS = {
    ".ci/run": "what CI runs",
    ".gitignore": "what is never committed",
    ".pre-commit-config.yaml": "the checks of `make lint`, before each commit",
    "CHANGELOG.md": "what changed",
    "CITATION.cff": "how to cite",
    "CONTRIBUTING.md": "the rules of the house",
    "LICENSE": "MIT",
    "Makefile": "the commands",
    "README.md": "this page",
    "constraints.txt": "the pinned environment",
    "pyproject.toml": "packaging and tools",
    "catalogs/index.json": "default versions",
    "builders/starter/CARD.md": "what the starter set is and is not",
    "builders/starter/starter.parquet": "the starter set",
    "embeddings/explorer/web/page.html": "the page that scripts and style fill",
    "docs/demo.sh": "what `make demo` runs",
    "docs/log.md": "experiments, dated, with negative results",
    "docs/manifest.schema.json": "JSON Schema of a manifest",
}
"""What to say of files that have no first line to say it."""


def fill(text: str) -> str:
    """Return the README with its generated parts made anew."""
    for mark, content in (("catalogs", catalogs()), ("benchmarks", render_all()), ("tree", tree())):
        text = insert(text, mark, content)
    return text


def fill_downstream(text: str) -> str:
    """Return the page on downstream models with its tables made anew."""
    return insert(text, "results", downstream.render_all())


def fill_cross_modal(text: str) -> str:
    """Return the page on composition encoders with its tables made anew."""
    return insert(text, "results", cross_modal.render_all())


def insert(text: str, mark: str, content: str) -> str:
    """Put the content between ``<!-- mark:start -->`` and ``<!-- mark:end -->``."""
    start, end = f"<!-- {mark}:start -->", f"<!-- {mark}:end -->"
    before, _, rest = text.partition(start)
    _, found, after = rest.partition(end)
    if not found:
        raise ValueError(f"The text lacks the marks {start} and {end}.")
    return f"{before}{start}\n{content.strip()}\n{end}{after}"


def catalogs() -> str:
    """Return a table of the packaged catalogs and their held-out errors, from the manifests."""
    manifests = [
        read_manifest(CATALOGS / name / index.default_version(CATALOGS, name)) for name in index.names(CATALOGS)
    ]
    lines = [
        "| catalog | vectors | trained on | held-out error (predicting the mean) | licence |",
        "|---|---|---|---|---|",
    ]
    return "\n".join(lines + [_row(manifest) for manifest in manifests])


def _row(manifest: Manifest) -> str:
    errors = (
        f"{target} {metric.mae:.3g} {metric.unit} ({metric.baseline_mae:.3g})"
        for target, metric in manifest.metrics.items()
    )
    cells = (
        f"`{manifest.name}@{manifest.version}`",
        f"{manifest.n_rows} x {manifest.dim}",
        f"{manifest.training.n_structures:,} structures, {manifest.training.source}",
        "<br>".join(errors),
        manifest.licence.spdx,
    )
    return f"| {' | '.join(cells)} |"


def tree() -> str:
    """Return the tracked files as a tree, one comment for each."""
    listing = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    shown = [name for name in listing if not re.match(r"catalogs/.+/|benchmarks/results/|docs/gallery/", name)]
    lines, folder = [], ""
    for name in sorted(shown, key=lambda name: (name.rpartition("/")[0], name)):
        parent, _, base = name.rpartition("/")
        if parent != folder:
            folder = parent
            lines.append(f"{parent}/")
        lines.append(f"{'  ' if parent else ''}{base:<28} {_comment(name)}".rstrip())
    return "```\n" + "\n".join(lines) + "\n```"


def _comment(name: str) -> str:
    path = ROOT / name
    if name in COMMENTS:
        return COMMENTS[name]
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        first = (ast.get_docstring(ast.parse(text)) or "").split("\n\n")[0]
        return " ".join(first.split()).rstrip(".")
    if path.suffix in (".md", ".js", ".css"):
        return text.splitlines()[0].strip("#/* ").rstrip(".")
    return ""


if __name__ == "__main__":
    write_text(README, fill(README.read_text(encoding="utf-8")))
    write_text(DOWNSTREAM, fill_downstream(DOWNSTREAM.read_text(encoding="utf-8")))
    write_text(CROSS_MODAL, fill_cross_modal(CROSS_MODAL.read_text(encoding="utf-8")))
