"""The README says what is true: its generated parts are current, its Python runs, its commands exist."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from docs import readme
from embeddings.cli import main

TEXT = readme.README.read_text()
BLOCKS = re.findall(r"```(\w*)\n(.*?)```", TEXT, re.DOTALL)
PYTHON = [code for language, code in BLOCKS if language == "python"]
COMMANDS = sorted(
    {line for language, code in BLOCKS if not language for line in code.splitlines() if line.startswith("embeddings ")}
    | set(re.findall(r"`(embeddings [a-z][^`]*)`", TEXT))
)


def test_the_generated_parts_are_current() -> None:
    for path, fill in readme.PAGES.items():
        page = path.read_text(encoding="utf-8")
        assert fill(page) == page, f"{path.name}: run make readme"


def test_a_generated_part_replaces_the_one_between_its_marks() -> None:
    text = "before\n<!-- x:start -->\nold\n<!-- x:end -->\nafter\n"
    once = readme.insert(text, "x", "new\n")
    assert once == "before\n<!-- x:start -->\nnew\n<!-- x:end -->\nafter\n"
    assert readme.insert(once, "x", "new") == once
    with pytest.raises(ValueError, match="y:start"):
        readme.insert(text, "y", "new")


@pytest.mark.parametrize("code", PYTHON)
def test_the_python_of_the_readme_runs(code: str) -> None:
    namespace: dict[str, object] = {}
    for line in code.splitlines():
        expression, _, promised = (part.strip() for part in line.partition("#"))
        if (
            re.fullmatch(r"\(.*\)", promised)
            and not expression.startswith(("from", "import"))
            and "=" not in expression
        ):
            assert str(eval(expression, namespace)) == promised
        elif promised.startswith("(128,)"):
            assert eval(expression, namespace).shape == (128,)
        else:
            exec(line, namespace)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_commands_of_the_readme_exist(command: str) -> None:
    words = shlex.split(command)[1:]
    options = [word for word in words if word.startswith("-")]
    shown = CliRunner().invoke(main, [words[0], "--help"])
    assert shown.exit_code == 0, shown.output
    assert all(re.search(rf"(^|\s|/){re.escape(option)}\b", shown.output) for option in options), shown.output


def test_links_to_files_lead_somewhere() -> None:
    for document in [readme.README, *Path(readme.ROOT / "docs").glob("*.md")]:
        for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", document.read_text()):
            assert (document.parent / link).exists(), f"{document.name}: {link}"


def test_the_tests_that_hold_each_promise_exist() -> None:
    for document in ("SECURITY.md", "docs/trust.md"):
        for named in re.findall(r"`(tests/[^`]*)`", (readme.ROOT / document).read_text(encoding="utf-8")):
            assert any(readme.ROOT.glob(named.rstrip("/"))), f"{document}: {named}"


def test_every_python_file_says_what_it_is_for() -> None:
    silent = [
        str(path.relative_to(readme.ROOT))
        for folder in ("embeddings", "builders", "benchmarks")
        for path in (readme.ROOT / folder).rglob("*.py")
        if not path.read_text().startswith('"""')
    ]
    assert silent == []
