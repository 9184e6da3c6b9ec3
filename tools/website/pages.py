"""The pages of the site that nobody writes: front page, catalogs, command line, Python."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click

from docs.readme import catalog_table, packaged_manifests
from embeddings.cli import main
from embeddings.store.card import render_card
from tools.website.markdown import relink

ROOT = Path(__file__).parents[2]

MOVED = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
}
"""Document at the top of the repository -> page of the site."""

INTERNAL = {"cli", "store", "text"}
"""What nobody imports, though it lies at the top of ``embeddings``."""
BESIDES = {"manifest": ["embeddings.store.manifest"], "sources": ["builders.sources"]}
"""Page of the reference -> modules from deeper down that a user meets."""
WIDTH = 100


def generated_pages() -> dict[str, str]:
    """Return path -> Markdown of every page that is generated."""
    return {**front_pages(), **catalog_pages(), "reference/cli.md": command_line(), **python_pages()}


def front_pages() -> dict[str, str]:
    """Return the documents at the top of the repository as pages."""
    cards = {f"catalogs/{one.name}/{one.version}/CARD.md": f"catalogs/{one.name}.md" for one in packaged_manifests()}
    return {page: relink((ROOT / name).read_text(encoding="utf-8"), MOVED | cards) for name, page in MOVED.items()}


def catalog_pages() -> dict[str, str]:
    """Return the card of every packaged catalog, made from its manifest, and a table of all."""
    manifests = packaged_manifests()
    pages = {f"catalogs/{manifest.name}.md": _without_header(render_card(manifest)) for manifest in manifests}
    table = re.sub(r"`([a-z-]+)@([\d.]+)`", r"[`\1@\2`](\1.md)", catalog_table(manifests))
    return {"catalogs/index.md": f"# Catalogs\n\n{_ABOUT_CATALOGS}\n\n{table}\n", **pages}


_ABOUT_CATALOGS = (
    "What comes with the library, in its default versions. The errors are those of the network that the vectors come "
    "from, on formulas that it had not seen; in brackets, the error of predicting the mean. Each page is made from the "
    "manifest of its catalog. What the vectors do for other models: [downstream](../downstream.md)."
)


def _without_header(card: str) -> str:
    return re.sub(r"\A---\n.*?\n---\n", "", card, flags=re.DOTALL)


def command_line() -> str:
    """Return the help of every command, and of the commands within it."""
    context = click.Context(main, info_name="embeddings", max_content_width=WIDTH, terminal_width=WIDTH)
    return "\n".join(["# Command line\n", _help(main, context), *_commands(main, context, "##")])


def _commands(group: click.Group, context: click.Context, mark: str) -> Iterator[str]:
    """Yield heading and help of each command of a group, a mark deeper for those of groups in it."""
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is not None and not command.hidden:
            own = click.Context(command, context, info_name=name, max_content_width=WIDTH, terminal_width=WIDTH)
            yield f"{mark} {own.command_path}\n"
            yield _help(command, own)
            if isinstance(command, click.Group):
                yield from _commands(command, own, f"{mark}#")


def _help(command: click.Command, context: click.Context) -> str:
    return f"```text\n{command.get_help(context).strip()}\n```\n"


def python_pages() -> dict[str, str]:
    """Return a page for each item at the top of ``embeddings`` that users import, filled from its docstrings."""
    package = ROOT / "embeddings"
    pages = {"embeddings": ["embeddings"]}
    for path in sorted(package.iterdir()):
        if path.stem not in INTERNAL and not path.stem.startswith(("_", ".")) and _is_module(path):
            pages[path.stem] = _modules(path)
    return {f"reference/python/{name}.md": _reference(name, modules) for name, modules in (pages | BESIDES).items()}


def _is_module(path: Path) -> bool:
    return path.suffix == ".py" or (path / "__init__.py").exists()


def _modules(path: Path) -> list[str]:
    """Return the module; of a package that exports nothing itself, the modules in it as well."""
    name = f"embeddings.{path.stem}"
    if path.suffix == ".py" or "__all__" in (path / "__init__.py").read_text(encoding="utf-8"):
        return [name]
    return [name, *(f"{name}.{file.stem}" for file in sorted(path.glob("*.py")) if not file.stem.startswith("_"))]


def _reference(name: str, modules: list[str]) -> str:
    return f"# {name}\n\n" + "\n\n".join(f"::: {module}" for module in modules) + "\n"
