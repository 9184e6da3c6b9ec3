"""Speed and memory, as ratios within one run: ``python -m benchmarks [NAME ...] [--quick]``.

Each benchmark is a module with one function ``run(quick: bool) -> dict`` that returns

- ``title``: one line for people,
- ``rows``: measurements, each a mapping of column to text or number (None where there is none),
- ``goals``: what was to be reached, made by `benchmarks.measure.at_most` and `benchmarks.measure.at_least`,
- ``notes``: sentences; whatever was not measured is named here.
"""

BENCHMARKS = ("load", "featurize", "encode", "training", "graphs", "pull", "cif", "embed")
"""The names of all benchmarks, in the order in which they run."""
