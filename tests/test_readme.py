"""README, pages and metadata say what is true: generated parts are current, commands, links and versions exist."""

from __future__ import annotations

import re
import shlex
import tomllib
from importlib import import_module
from itertools import takewhile
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from benchmarks.suites import SUITES
from docs import readme
from embeddings import __version__
from embeddings.cli import main

README = readme.ROOT / "README.md"
TEXT = README.read_text(encoding="utf-8")
PAGES = [README, *sorted((readme.ROOT / "docs").rglob("*.md"))]
PROJECT = tomllib.loads((readme.ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
WORKFLOW = (readme.ROOT / ".github" / "workflows" / "tests.yml").read_text(encoding="utf-8")


def commands_of(text: str) -> set[str]:
    """Return what a page shows of the command line: lines of blocks that no test runs, and code in the text."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```", text.replace("\\\n", " "), re.DOTALL | re.MULTILINE)
    lines = {line for language, code in blocks if language in ("", "sh", "bash") for line in code.splitlines()}
    shown = {line for line in lines if line.startswith("embeddings ")} | set(
        re.findall(r"`(embeddings [a-z][^`\n]*)`", text)
    )
    return {line.partition("  #")[0].rstrip("\\ ") for line in shown}


COMMANDS = sorted(
    {command for page in PAGES if page.stem != "log" for command in commands_of(page.read_text(encoding="utf-8"))}
)


def test_the_generated_parts_are_current() -> None:
    for page in readme.PAGES:
        assert readme.filled(page) == (readme.ROOT / page).read_text(encoding="utf-8"), f"{page}: run make readme"


def test_a_generated_part_replaces_the_one_between_its_marks() -> None:
    text = "before\n<!-- x:start -->\nold\n<!-- x:end -->\nafter\n"
    once = readme.insert(text, "x", "new\n")
    assert once == "before\n<!-- x:start -->\nnew\n<!-- x:end -->\nafter\n"
    assert readme.insert(once, "x", "new") == once
    with pytest.raises(ValueError, match="y:start"):
        readme.insert(text, "y", "new")


@pytest.mark.parametrize("command", COMMANDS)
def test_the_commands_that_a_page_shows_exist(command: str) -> None:
    words = shlex.split(command)[1:]
    options = [word for word in words if word.startswith("-")]
    path = words[: 1 + isinstance(main.get_command(click.Context(main), words[0]), click.Group)]
    shown = CliRunner().invoke(main, [*path, "--help"])
    assert shown.exit_code == 0, shown.output
    assert all(re.search(rf"(^|\s|/){re.escape(option)}\b", shown.output) for option in options), shown.output


def test_links_to_files_lead_somewhere() -> None:
    for document in PAGES:
        for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", document.read_text(encoding="utf-8")):
            assert (document.parent / link).exists(), f"{document.name}: {link}"


def headings(page: Path) -> set[str]:
    """Return the anchors of a page."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    return {
        re.sub(r"[^\w -]", "", line.lower()).strip().replace(" ", "-") for line in re.findall(r"^#+ (.+)$", text, re.M)
    }


def test_links_to_headings_lead_somewhere() -> None:
    for document in PAGES:
        for link, anchor in re.findall(r"\]\((?!https?:)([^)#]*\.md)?#([^)]+)\)", document.read_text(encoding="utf-8")):
            assert anchor in headings(document.parent / link if link else document), f"{document}: {link}#{anchor}"


def modules_of(text: str) -> set[str]:
    """Return what a page shows of benchmarks and of tools that have options."""
    return set(re.findall(r"python -m ((?:benchmarks|tools\.remember)\b[^`\n|]*)", text.replace("\\\n", " ")))


MODULES = sorted(
    {command for page in PAGES if page.stem != "log" for command in modules_of(page.read_text(encoding="utf-8"))}
)


CASES = {name for suite in SUITES.values() for name in suite.names}


@pytest.mark.parametrize("command", MODULES)
def test_the_benchmarks_that_a_page_shows_exist(command: str) -> None:
    module, *words = shlex.split(command)
    found = import_module(f"{module}.__main__" if module in ("benchmarks", "benchmarks.downstream") else module)
    program = getattr(found, "main", None) or found.command
    before_options = takewhile(lambda word: not word.startswith("-"), words)
    plain = [word for word in before_options if re.fullmatch(r"[a-z_-]+", word)]
    alone, measured = (CliRunner().invoke(program, [*plain, *more, "--help"]) for more in ([], ["measure"]))
    assert alone.exit_code == 0, alone.output
    shown = alone.output + measured.output  # of what measures by default, too
    assert module != "benchmarks" or all(word in shown or word in CASES for word in plain), shown
    assert all(re.search(rf"\s{word}\b", shown) for word in words if word.startswith("--")), shown


def test_the_readme_is_short() -> None:
    assert len(TEXT.splitlines()) <= 200


@pytest.mark.parametrize("page", [README, readme.ROOT / "docs" / "install.md"], ids=lambda page: page.name)
def test_every_extra_is_explained_and_exists(page: Path) -> None:
    section = page.read_text(encoding="utf-8").partition("## Extras")[2].partition("\n## ")[0]
    named = {
        name for row in re.findall(r"^\| .*$", section, re.MULTILINE) for name in re.findall(r"`([a-z0-9]+)`", row)
    }
    assert named == set(PROJECT["optional-dependencies"])


def test_the_version_to_cite_is_that_of_the_library() -> None:
    citation = (readme.ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.search(r"^version: (.+)$", citation, re.MULTILINE)[1] == __version__


def test_the_declared_pythons_are_those_that_are_tested() -> None:
    declared = [line.rpartition(" ")[2] for line in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", line)]
    matrix = re.search(r"python: \[(.*)\]", WORKFLOW)
    assert matrix is not None
    assert re.findall(r"3\.\d+", matrix[1]) == declared
    assert PROJECT["requires-python"] == f">={declared[0]}"


def test_the_files_that_the_workflow_tests_exist() -> None:
    named = re.findall(r"tests/\S+\.py", WORKFLOW)
    assert named
    assert [name for name in named if not (readme.ROOT / name).exists()] == []


def test_the_tests_that_hold_each_promise_exist() -> None:
    for document in ("SECURITY.md", "docs/trust.md"):
        for named in re.findall(r"`(tests/[^`]*)`", (readme.ROOT / document).read_text(encoding="utf-8")):
            assert any(readme.ROOT.glob(named.rstrip("/"))), f"{document}: {named}"


def test_every_python_file_says_what_it_is_for() -> None:
    silent = [
        str(path.relative_to(readme.ROOT))
        for folder in ("embeddings", "builders", "benchmarks", "docs", "tools", "testing")
        for path in (readme.ROOT / folder).rglob("*.py")
        if not path.read_text().startswith('"""')
    ]
    assert silent == []
