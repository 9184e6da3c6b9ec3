"""What the project promises, measured: ``python -m benchmarks [SUITE] [NAME]... [--quick]``.

- `benchmarks.harness`: what all benchmarks share, from a case to its rows to its table.
- `benchmarks.speed`: speed and memory beside peers. To add one, write a module with ``run(request)`` and its line in
  ``TITLES``.
- `benchmarks.downstream`: what the vectors of catalogs do for other models.
- `benchmarks.cross_modal`: what composition encoders know that they were not told.
- `benchmarks.bench`: what `embeddings bench` finds on many sets of measurements.
- `benchmarks.explicit`: what candidate structures of formulas are worth.
- `benchmarks.imkt`: what encoders of compositions are worth on all tasks with published scores.
- `benchmarks.language`: what each part of the language model is worth.
- `benchmarks.readouts`: what structure vectors gain by more than the mean over their atoms.
- `benchmarks.unlike`: whether the distance to the training tells what an encoder knows little of.
- ``results/``: one file for each case; ``make readme`` makes the tables in ``docs/`` from them.

Four scripts answer a question once and keep no results: `benchmarks.variants`, `benchmarks.cif_round_trip`,
`benchmarks.real_formulas` and `benchmarks.rounded_formulas`.
"""
