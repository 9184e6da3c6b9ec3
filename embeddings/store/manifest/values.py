"""What a single value of a manifest may be: a name, a version, a hash, a count, each within its limits."""

from __future__ import annotations

from typing import Annotated, Literal

from embeddings.elements import SYMBOLS
from embeddings.store.schema import AtLeast, AtMost, Longest, Pattern

Name = Annotated[str, Pattern("^[a-z0-9]+(-[a-z0-9]+)*$", 'a kebab-case name such as "ct-multi"'), Longest(100)]
SemVer = Annotated[
    str,
    Pattern(
        r"^(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$",
        'a semantic version such as "1.0.0"',
    ),
    Longest(100),
]
FileName = Annotated[
    str, Pattern("^[A-Za-z0-9_][A-Za-z0-9_.-]*$", "a plain file name inside the version's folder"), Longest(200)
]
Sha256 = Annotated[str, Pattern("^[0-9a-f]{64}$", "a SHA-256 in lower-case hexadecimal")]
Timestamp = Annotated[
    str,
    Pattern(
        "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$",
        'a UTC time such as "2026-01-31T12:00:00Z"',
    ),
]
Symbol = Annotated[str, Pattern(f"^({'|'.join(SYMBOLS)})$", "an element symbol")]
Text = Annotated[str, Pattern(r"^[\s\S]+$", "a text that is not empty")]
FileFormat = Literal["parquet", "hdf5", "npy", "safetensors", "markdown"]
Count = Annotated[int, AtLeast(0), AtMost(2**53)]
Positive = Annotated[int, AtLeast(1), AtMost(2**53)]
Width = Annotated[int, AtLeast(1), AtMost(65_536)]
Bytes = Annotated[int, AtLeast(0), AtMost(2**36)]
Seal = Annotated[str, Pattern("^([0-9a-f]{64})?$", "a SHA-256 in lower-case hexadecimal, or nothing")]
