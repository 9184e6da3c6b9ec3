"""The script behind ``make demo``, with a stand-in for the command that trains for a minute."""

from __future__ import annotations

import subprocess
from pathlib import Path

DEMO = Path(__file__).parents[1] / "docs" / "demo.sh"

STAND_IN = """#!/bin/sh
echo "$@" >>"{calls}"
case "$1" in
    build) echo "starter 12.4.0: 89 elements x 128 in /cache/starter/12.4.0"; echo "  target: MAE 0.1" ;;
    featurize) while [ "$1" != "-o" ]; do shift; done; echo "formula,a" >"$2" ;;
esac
"""


def test_the_demo_shows_the_catalog_that_it_has_just_built(tmp_path: Path) -> None:
    command, calls = tmp_path / "embeddings", tmp_path / "calls"
    command.write_text(STAND_IN.format(calls=calls))
    command.chmod(0o755)
    subprocess.run(["sh", str(DEMO)], env={"BIN": str(tmp_path), "PATH": "/usr/bin:/bin"}, check=True)
    first, *others = calls.read_text().splitlines()
    assert first == "build --source starter --recipe starter"
    assert len(others) == 5
    assert all("starter@12.4.0" in call for call in others)
