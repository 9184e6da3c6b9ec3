"""The packaged starter set: prototype crystals with properties from CHGNet (see ``CARD.md`` beside this file)."""

from __future__ import annotations

from pathlib import Path

from builders.sources import SourceOptions, Stream
from builders.sources.table import ParquetStream
from builders.sources.table_files import tables_below
from builders.structures.cleaning import EVERYTHING, Selection

STARTER_FILE = Path(__file__).with_name("starter.parquet")


def starter(options: SourceOptions, selection: Selection = EVERYTHING) -> Stream:
    """Read the starter set; needs no key and no network."""
    return ParquetStream(tables_below(STARTER_FILE), None)
