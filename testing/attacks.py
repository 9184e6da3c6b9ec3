"""Manifests written to break the reader, sealed as if they were genuine."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Place = tuple[str | int, ...]


def nested(depth: int, innermost: Any = 1) -> Any:
    """Return lists within lists."""
    for _ in range(depth):
        innermost = [innermost]
    return innermost


ABSURD: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 0.5, -0.0, 1e300, 2**31, 2**53 + 1, 2**63, 10**30, float("nan"), float("inf"),
    "", " ", "x", "Xx", "Fe", "\x00", "\x1b[2J", "a\nb", "a\u202eb", "a\ud800b", "\ufeff", "../x", "/dev/zero",
    "x" * 5000, "1" * 5000, "0" * 64, "9.9.9", [], {}, [[]], [None], [{}], {"": 1}, {"\x1b": 1}, {"a\ud800": 1},
    {"Xx": 1}, {"Fe": -1}, nested(70), nested(600), {"a": nested(300, {})}, ["Fe"] * 200, list(range(50)), "mean",
    ["mean"], ["mean"] * 1000,
)  # fmt: skip
"""Values that belong in no field."""


def places(value: Any, at: Place = ()) -> Iterator[Place]:
    """Yield the place of every value in a JSON document, the whole first; of long tables only the first entries."""
    yield at
    inner = list(value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ())
    for key, item in inner[: 60 if len(at) < 1 else 12]:
        yield from places(item, (*at, key))


def changed(document: dict[str, Any], at: Place, value: Any) -> dict[str, Any]:
    """Return a copy of a document with another value in one place."""
    document = copy.deepcopy(document)
    *parents, last = at
    inner: Any = document
    for key in parents:
        inner = inner[key]
    inner[last] = value
    return document


def sealed(document: dict[str, Any]) -> str:
    """Return the text of a manifest with a valid seal, whatever it says."""
    text = json.dumps(document | {"manifest_sha256": ""}, indent=2) + "\n"
    place = text.rindex('""')
    return f'{text[:place]}"{hashlib.sha256(text.encode()).hexdigest()}"{text[place + 2 :]}'


def replace_manifest(folder: Path, at: Place, value: Any) -> None:
    """Change one value of a manifest on disk and seal it again."""
    path = folder / "manifest.json"
    path.write_text(sealed(changed(json.loads(path.read_text()), at, value)))


def replace_file(folder: Path, name: str, content: bytes) -> None:
    """Put another file into a version's folder and enter it into the manifest as if it belonged there."""
    path = folder / "manifest.json"
    document = json.loads(path.read_text())
    entry = {"path": name, "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    document["files"] = [old | entry if old["path"] == name else old for old in document["files"]]
    (folder / name).write_bytes(content)
    path.write_text(sealed(document))
