"""The script behind ``make demo``, with a stand-in for the command that trains for a minute."""

from __future__ import annotations

import subprocess
from pathlib import Path

DEMO = Path(__file__).parents[1] / "docs" / "demo.sh"

STAND_IN = """#!/bin/sh
echo "$@" >>"{calls}"
case "$1" in
    build) echo "my-starter 12.4.0: 89 elements x 128 in /cache/my-starter/12.4.0"; echo "  target: MAE 0.1" ;;
    featurize) while [ "$1" != "-o" ]; do shift; done; echo "formula,a" >"$2" ;;
esac
"""


def test_the_demo_shows_the_catalog_that_it_has_just_built(tmp_path: Path) -> None:
    command, calls = tmp_path / "embeddings", tmp_path / "calls"
    command.write_text(STAND_IN.format(calls=calls))
    command.chmod(0o755)
    shown = subprocess.run(
        ["sh", str(DEMO)],
        env={"BIN": str(tmp_path), "PATH": "/usr/bin:/bin"},
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    first, *others = calls.read_text().splitlines()
    assert first == "build --source starter --recipe starter --name my-starter"
    assert len(others) == 5
    assert all("my-starter@12.4.0" in call for call in others)
    assert f"source {tmp_path}/activate" in shown
    assert r"formula\nFe2O3" in shown
