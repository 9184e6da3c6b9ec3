"""The packaged starter set: prototype crystals with properties from CHGNet (see ``builders/starter/CARD.md``)."""

from __future__ import annotations

from pathlib import Path

from builders import starter as package
from builders.sources import SourceOptions, Stream
from builders.sources.table import stream_of

STARTER_FILE = Path(package.__file__).parent / "starter.parquet"


def starter(options: SourceOptions) -> Stream:
    """Read the starter set; needs no key and no network."""
    return stream_of(STARTER_FILE, options)
