"""What help texts and pages show works as it is written: the commands, options, catalogs and versions in it exist."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from builders.others import POTENTIALS
from embeddings.cli import COMMANDS, main
from embeddings.errors import CatalogNotFound
from embeddings.store.roots import packaged_root, resolve

ROOT = Path(__file__).parents[2]
IDENTITY = re.compile(r"\b([a-z0-9]+(?:-[a-z0-9]+)*@\d+(?:\.\d+){0,2}\b(?:-[0-9a-z.-]*\w)?)")
HISTORY = ("log.md",)
OF_OTHERS = {f"{one.about.name}@{one.about.version}" for one in POTENTIALS.values()}
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), *sorted(packaged_root().rglob("CARD.md"))]

LINE = re.compile(r"^ *(?:\$ )?(?:[A-Z_]+=\S+ )*(?:torchrun \S+ )?(embeddings [a-z].*)$", re.MULTILINE)
ENDS = {"|", ">", ">>", "2>", "&&", ";"}
"""Words of a shell behind which another command begins."""
NAMES_CATALOGS = ("catalog", "catalogs", "encoder", "names", "init", "previous", "teachers", "name", "other", "a", "b")
"""Parameters that take the name of a catalog, among other things."""
OURS = re.compile(r"(ct|cromel|imkt)-[a-z-]+|starter|properties")


def unknown(text: str) -> list[str]:
    """Return the identities in a text that no catalog or potential goes by; "my-..." are the reader's own."""
    return sorted(
        {
            one
            for one in IDENTITY.findall(text)
            if not one.startswith("my-") and one not in OF_OTHERS and not exists(one)
        }
    )


def exists(identity: str) -> bool:
    try:
        resolve(identity)
    except CatalogNotFound:
        return False
    return True


def all_commands() -> dict[str, tuple[click.Command, click.Context]]:
    """Return each command and those within it, by what is typed for it."""
    found, context = dict[str, tuple[click.Command, click.Context]](), click.Context(main, info_name="embeddings")
    groups: list[tuple[click.Group, click.Context]] = [(main, context)]
    while groups:
        group, outer = groups.pop()
        for name in group.list_commands(outer):
            command = group.get_command(outer, name)
            assert command is not None
            inner = click.Context(command, outer, info_name=name, max_content_width=500, terminal_width=500)
            found[inner.command_path] = command, inner
            if isinstance(command, click.Group):
                groups.append((command, inner))
    return found


ALL = all_commands()


def shown(text: str) -> list[str]:
    """Return the commands in a text, one a line, as examples have them; continued lines are one."""
    return [match.strip() for match in LINE.findall(re.sub(r"\\\n *", " ", text))]


def parsed(line: str) -> dict[str, object]:
    """Return what a command is given, by parameter.

    Raises:
        click.UsageError: there is no such command or option, or something is missing.
    """
    words = shlex.split(line, comments=True)
    words = words[: next((place for place, word in enumerate(words) if word in ENDS), None)]
    length = max((n for n in (2, 3) if " ".join(words[:n]) in ALL), default=0)
    if not length:
        raise click.UsageError("There is no such command.")
    command, context = ALL[" ".join(words[:length])]
    return dict(command.make_parser(context).parse_args(words[length:])[0])


def faults(text: str) -> Iterator[str]:
    """Yield what is wrong with the commands in a text."""
    for line in shown(text):
        try:
            given = parsed(line)
        except click.UsageError as error:
            yield f"{line}: {error.format_message()}"
            continue
        values = [given.get(name) for name in NAMES_CATALOGS]
        named = [one for value in values for one in (value if isinstance(value, list | tuple) else [value])]
        absent = [one for one in named if isinstance(one, str) and OURS.fullmatch(one) and not exists(one)]
        yield from (
            f"{line}: there is no {one}" for one in absent if not one.endswith("-own") and one not in made(text)
        )


def made(text: str) -> set[str]:
    """Return the names of the catalogs that the commands of a text make."""
    return set(re.findall(r"--name ([a-z0-9-]+)", text))


@pytest.mark.parametrize("path", ALL)
def test_help_shows_an_example_that_is_understood(path: str) -> None:
    command, context = ALL[path]
    text = command.get_help(context)
    assert shown(text)
    assert list(faults(text)) == []
    assert unknown(text) == []


def test_all_commands_are_looked_at() -> None:
    assert {f"embeddings {name}" for name in COMMANDS} < set(ALL)
    assert list(faults("$ embeddings show ct-mutli\n")) == ["embeddings show ct-mutli: there is no ct-mutli"]
    assert "No such option" in "".join(faults("embeddings show starter \\\n  --jsn"))
    assert "no such command" in "".join(faults("embeddings shwo starter"))


def test_pages_show_commands_that_are_understood() -> None:
    texts = {page: page.read_text(encoding="utf-8") for page in PAGES if page.name not in HISTORY}
    assert {str(page): wrong for page, text in texts.items() if (wrong := list(faults(text)))} == {}


def test_pages_name_versions_that_exist() -> None:
    texts = {page: page.read_text(encoding="utf-8") for page in PAGES if page.name not in HISTORY}
    assert {str(page): wrong for page, text in texts.items() if (wrong := unknown(text))} == {}
