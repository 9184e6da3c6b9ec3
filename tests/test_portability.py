"""What differs between systems and cannot be tried on this one: read from the code."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
FILES = sorted(
    path for folder in ("embeddings", "builders", "benchmarks", "docs") for path in (ROOT / folder).rglob("*.py")
)
POSIX_ONLY = {
    "fork",
    "getuid",
    "geteuid",
    "mkfifo",
    "chown",
    "killpg",
    "setsid",
    "statvfs",
    "fchmod",
    "getpgid",
    "nice",
}
NOT_TEXT = {"webbrowser", "h5py", "gzip", "zipfile", "tarfile", "archive", "os"}
"""Modules whose function ``open`` opens something other than a text file."""

TABLES = ("file.open", "request.file.open", "self.open")
"""Calls that open an `embeddings.tables.files.TableFile`, which reads bytes."""


def calls(path: Path) -> Iterator[tuple[ast.Call, str]]:
    """Yield the calls in a file, each with the last name of what is called."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Call):
            yield node, getattr(node.func, "attr", getattr(node.func, "id", ""))


def owner(call: ast.Call) -> str:
    """Return the name before the dot."""
    value = getattr(call.func, "value", None)
    return getattr(value, "id", "")


def opens_text_without_encoding(call: ast.Call, name: str) -> bool:
    if any(keyword.arg == "encoding" for keyword in call.keywords):
        return False
    if name == "read_text":
        return not call.args
    if name == "write_text":
        return len(call.args) == 1 and isinstance(call.func, ast.Attribute)
    if (
        name != "open"
        or owner(call) in NOT_TEXT
        or ast.unparse(call.func) in ("file.open", "request.file.open", "self.open")
    ):
        return False
    stated = [*call.args, *(keyword.value for keyword in call.keywords if keyword.arg == "mode")]
    modes = [value.value for value in stated if isinstance(value, ast.Constant) and isinstance(value.value, str)]
    return not any("b" in mode for mode in modes if len(mode) < 4)


def where(is_wrong: Callable[[ast.Call, str], bool]) -> list[str]:
    """Return the places in the code with a call that is wrong."""
    return [
        f"{path.relative_to(ROOT)}:{call.lineno}"
        for path in FILES
        for call, name in calls(path)
        if is_wrong(call, name)
    ]


def test_text_files_are_opened_as_utf_8() -> None:
    """Windows would take the code page of its user."""
    assert where(opens_text_without_encoding) == []


def test_what_only_posix_has_is_not_called() -> None:
    assert where(lambda call, name: owner(call) == "os" and name in POSIX_ONLY) == []


def test_the_check_sees_what_it_looks_for(tmp_path: Path) -> None:
    lines = ["open('x')", "Path('x').read_text()", "path.write_text('y')", "open('x', 'rb')", "os.open('x', 1)"]
    source = "\n".join([*lines, "open('x', encoding='utf-8')"])
    (tmp_path / "code.py").write_text(source, encoding="utf-8")
    found = [call.lineno for call, name in calls(tmp_path / "code.py") if opens_text_without_encoding(call, name)]
    assert sorted(found) == [1, 2, 3]


def test_no_two_files_differ_in_case_alone() -> None:
    """A file system that does not tell cases apart has room for one of them."""
    for folder in ("embeddings", "builders", "tests", "docs"):
        names = [str(path) for path in (ROOT / folder).rglob("*") if "__pycache__" not in path.parts]
        assert len({name.lower() for name in names}) == len(names)
