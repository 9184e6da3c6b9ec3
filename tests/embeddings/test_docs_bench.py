"""The examples of docs/bench.md run and print what the page says."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

for package in ("lightgbm", "pandas", "pymatgen", "sklearn"):
    pytest.importorskip(package, reason="needs the extra bench")

PAGE = Path(__file__).parents[2] / "docs" / "bench.md"


def test_the_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    test = doctest.DocTestParser().get_doctest("\n".join(blocks), {}, PAGE.name, str(PAGE), 0)
    report: list[str] = []
    options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    doctest.DocTestRunner(verbose=False, optionflags=options).run(test, out=report.append)
    assert not report, "".join(report)
    assert (tmp_path / "report.html").stat().st_size > 10_000
