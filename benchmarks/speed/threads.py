"""How threads wait for each other: steps of a training on a quiet machine, and beside other work."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from statistics import median
from typing import Any

from benchmarks.harness import Request
from benchmarks.measure import at_least, in_turn

WAITS: dict[str, dict[str, str]] = {
    "as OpenMP does": {"GOMP_SPINCOUNT": "300000"},
    "spin 10,000 times": {"GOMP_SPINCOUNT": "10000"},
    "spin 1,000 times (ours)": {"GOMP_SPINCOUNT": "1000"},
    "never spin": {"OMP_WAIT_POLICY": "PASSIVE"},
}
"""How a thread waits for the other -> environment; 300,000 is libgomp's own count where threads have a core each."""

USUAL, OURS = "as OpenMP does", "spin 1,000 times (ours)"
N_THREADS, N_BUSY, N_CRYSTALS = 2, 2, 2000


def run(request: Request) -> dict[str, Any]:
    """Count steps of the starter recipe on two threads in a few seconds, alone and beside two busy processes."""
    seconds, n_rounds = (0.2, 1) if request.quick else (6.0, 3)
    waits = {name: WAITS[name] for name in (USUAL, OURS)} if request.quick else WAITS
    cases = {name: partial(steps_in_a_process, setting, seconds) for name, setting in waits.items()}
    rates: dict[str, dict[str, float]] = {}
    for place, n_busy in (("quiet", 0), ("beside other work", N_BUSY)):
        with _busy(n_busy):
            rates[place] = {name: median(counts) / seconds for name, counts in in_turn(cases, n_rounds).items()}
    rows = [
        {"threads wait": name} | {f"steps/s, {place}": made[name] for place, made in rates.items()} for name in waits
    ]
    usual, ours = ({place: made[name] for place, made in rates.items()} for name in (USUAL, OURS))
    return {
        "title": f"Training on {N_THREADS} threads, by how they wait for each other",
        "rows": rows,
        "goals": [
            at_least("ours over the usual, quiet", ours["quiet"] / usual["quiet"], 0.8),
            at_least(
                "ours over the usual, beside other work", ours["beside other work"] / usual["beside other work"], 1.5
            ),
        ],
        "notes": [
            f"Median of {n_rounds} rounds of {seconds:g} s; {N_BUSY} processes that never rest are the other work."
        ],
    }


def count_steps(seconds: float) -> int:
    """Train on the starter set for so many seconds, and return how many steps that were."""
    import numpy as np
    import torch

    from benchmarks.data import crystal_recipe, sample
    from builders.learning.optimization import masked_loss
    from builders.methods.crystal_transformer.batches import PackedCrystals, batches_by_size
    from builders.methods.crystal_transformer.model import CrystalTransformer
    from builders.sources.starter import STARTER_FILE
    from builders.structures.equivalent import reduced_neighbors

    torch.set_num_threads(N_THREADS)
    recipe, table = crystal_recipe("starter"), sample(STARTER_FILE, N_CRYSTALS, max_sites=None)
    crystals = PackedCrystals(
        table, reduced_neighbors(table, recipe.model.cutoff, recipe.rounds), np.zeros((len(table), 1))
    )
    model = CrystalTransformer(recipe.model, n_targets=1)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)
    batches = batches_by_size(
        crystals.sizes, np.arange(len(table)), batch_size=128, max_pairs=recipe.training.max_pairs
    )
    started, done = 0.0, -3  # the first steps warm up
    while done < 0 or time.monotonic() - started < seconds:
        batch = crystals.batch(batches[done % len(batches)])
        loss = masked_loss(model(batch).float(), batch.labels, torch.ones(1), "l1")
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        done += 1
        if done == 0:
            started = time.monotonic()
    return done


def steps_in_a_process(setting: dict[str, str], seconds: float) -> int:
    """Return `count_steps` of a process of its own, whose OpenMP reads the setting as it starts."""
    code = f"from benchmarks.speed.threads import count_steps; print(count_steps({seconds}))"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "GOMP_"))}
    made = subprocess.run([sys.executable, "-c", code], env=kept | setting, capture_output=True, text=True, check=True)
    return int(made.stdout)


@contextmanager
def _busy(n: int) -> Iterator[None]:
    """Keep so many processes busy within the block."""
    with ExitStack() as ends:
        for _ in range(n):
            process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
            ends.callback(process.wait)
            ends.callback(process.kill)
        yield
