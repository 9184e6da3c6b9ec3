"""All suites of benchmarks; whoever needs them all finds them here."""

from __future__ import annotations

from benchmarks import (
    adopted,
    bench,
    cross_modal,
    downstream,
    explicit,
    imkt,
    language,
    own_data,
    pooling,
    readouts,
    search,
    speed,
    structure_vectors,
    teachers,
    unlike,
)

MODULES = (
    speed, downstream, cross_modal, pooling, bench, explicit, imkt, language, adopted, search, own_data, readouts,
    structure_vectors, teachers, unlike,
)  # fmt: skip
COMMANDS = {one.command: one.SUITE for one in MODULES}
SUITES = {one.SUITE.name: one.SUITE for one in MODULES}
