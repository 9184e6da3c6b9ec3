"""Features of formulas, made by the workers of an engine: batches of a table in, the same batches with features out."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from builders.engines import Engine, check_engine, run_in_order
from builders.engines.base import Maker, Part, Task, check_same, sha256_of
from builders.runs.code import code_hash

CODE = ("embeddings.formula", "embeddings.pooling")
ALSO = ("embeddings.encoder", "embeddings.transformer")
"""Where features are computed."""


@dataclass(frozen=True)
class Featurizing:
    """What a worker needs to know once.

    Attributes:
        pooling: catalogs and statistics: an `embeddings.streaming.job.Pooling`.
        expected: what the driver has, see `fingerprints`.
    """

    pooling: Any
    expected: dict[str, str]

    def start(self) -> Maker:
        """Return what makes parts.

        Raises:
            EngineError: this worker has other code or another NumPy than the driver.
        """
        check_same(self.expected, fingerprints(), platform.node())
        return self.make

    def make(self, task: Task) -> Part:
        """Make the features of a batch; the part is its table, and the facts are what else came of it."""
        pooled = self.pooling.run(task.content)
        buffer = pa.BufferOutputStream()
        with pa.ipc.new_stream(buffer, pooled.table.schema) as stream:
            stream.write_table(pooled.table)
        content = buffer.getvalue().to_pybytes()
        return Part(task.number, content, sha256_of(content), replace(pooled, table=None))


def fingerprints() -> dict[str, str]:
    """Return what the bytes of features depend on, beside the catalogs: our code, and NumPy."""
    return {"code": code_hash(CODE, also=ALSO), "numpy": np.__version__}


def in_workers(engine: Engine) -> Callable[[Any, Iterable[Any]], Iterator[Any]]:
    """Return what makes the features of batches by an engine, in the order of the batches.

    Raises:
        MissingExtra: the engine is not installed.
        EngineError: it is too old.
    """
    check_engine(engine)

    def spread(pooling: Any, batches: Iterable[Any]) -> Iterator[Any]:
        tasks = (Task(number, _label(batch), batch) for number, batch in enumerate(batches))
        for part in run_in_order(engine, Featurizing(pooling, fingerprints()), tasks):
            with pa.ipc.open_stream(part.content) as stream:
                table = stream.read_all()
            yield replace(part.facts, table=table.combine_chunks())

    return spread


def _label(batch: Any) -> str:
    return f"lines {batch.lines[0]:,} to {batch.lines[-1]:,}" if batch.lines else "no rows"
