"""The packaged starter set: prototype crystals with properties from CHGNet (see ``builders/starter/CARD.md``)."""

from __future__ import annotations

from pathlib import Path

from builders import starter as package
from builders.cleaning import EVERYTHING, Selection
from builders.sources import SourceOptions, Stream
from builders.sources.table import ParquetStream

STARTER_FILE = Path(package.__file__).parent / "starter.parquet"


def starter(options: SourceOptions, selection: Selection = EVERYTHING) -> Stream:
    """Read the starter set; needs no key and no network."""
    return ParquetStream(STARTER_FILE, None)
