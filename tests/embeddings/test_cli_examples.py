"""What help texts and pages show works as it is written: the versions that they name exist."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from builders.others import POTENTIALS
from embeddings.cli import COMMANDS, main
from embeddings.errors import CatalogNotFound
from embeddings.store.roots import resolve

ROOT = Path(__file__).parents[2]
IDENTITY = re.compile(r"\b([a-z0-9]+(?:-[a-z0-9]+)*@\d+(?:\.\d+){0,2}\b(?:-[0-9a-z.-]*\w)?)")
HISTORY = ("log.md",)
OF_OTHERS = {f"{one.about.name}@{one.about.version}" for one in POTENTIALS.values()}
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def unknown(text: str) -> list[str]:
    """Return the identities in a text that no catalog or potential goes by; "my-..." are the reader's own."""

    def exists(identity: str) -> bool:
        if identity in OF_OTHERS:
            return True
        try:
            resolve(identity)
        except CatalogNotFound:
            return False
        return True

    return sorted(
        {identity for identity in IDENTITY.findall(text) if not identity.startswith("my-") and not exists(identity)}
    )


@pytest.mark.parametrize("name", COMMANDS)
def test_help_names_versions_that_exist(name: str) -> None:
    command = main.get_command(click.Context(main), name)
    assert command is not None
    assert unknown(command.get_help(click.Context(command))) == []


def test_pages_name_versions_that_exist() -> None:
    texts = {page: page.read_text(encoding="utf-8") for page in PAGES if page.name not in HISTORY}
    assert {page.name: wrong for page, text in texts.items() if (wrong := unknown(text))} == {}
