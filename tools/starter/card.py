"""The dataset's card, written from the dataset itself: no number in it is typed by hand."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np

from embeddings.elements import ATOMIC_NUMBERS, SYMBOLS
from tools.starter.dataset import (
    BULK_MODULUS_DERIVATIVES,
    MAX_RESIDUAL,
    UNITS,
    Dataset,
)
from tools.starter.decorate import ELEMENTS
from tools.starter.potential import MODEL_NAME
from tools.starter.prototypes import PROTOTYPES
from tools.starter.volume_search import STEP

_TEMPLATE = """\
---
license: cc-by-4.0
pretty_name: Starter crystals (CHGNet)
tags: [materials-science, crystals, machine-learned-potential]
size_categories: [{size_category}]
---

# The starter dataset

{n_rows:,} small crystals of {n_prototypes} prototypes and {n_elements} elements. We decorated the prototypes with
elements ourselves and computed every number with the machine-learned potential CHGNet {model} (package `chgnet`
{chgnet_version}). The set is there so that everything in this project runs without a key and without a network.

**What it is not.** It is not DFT and not experiment: CHGNet imitates PBE(+U) calculations with the Materials
Project's corrections, is known to be too soft, and was never trained on many of these crystals. Many are hypothetical.
Learn with it, test with it, pretrain on it; do not look up a material in it.

## Columns

| column | type | unit | 5% | median | 95% |
|---|---|---|---|---|---|
| `material_id` | string | | | | |
| `formula` | string, reduced | | | | |
| `lattice` | float32[9], rows a, b, c of the primitive cell | A | | | |
| `atomic_numbers` | list of uint8 | | | | |
| `frac_coords` | list of float32, 3 per site, in [0, 1) | | | | |
{columns}
| `prototype` | string | | | | |

Rows are sorted by `material_id`: `starter-<prototype>-<elements in the order of the sites, anions last>`. No value is
missing.

## How it was made

1. **Decoration.** Ionic prototypes: common oxidation states that add up to zero, and anions more electronegative than
   cations. Intermetallic prototypes: a class of elements for each site. Both: windows for the ratio of atomic radii.
   From what these rules allow, a seeded sample takes textbook compounds first and then gives every element its turn.
   Decorations that describe one crystal (relabelled sites, two uses of one structure type) are kept once.
2. **Volume.** Shape and internal coordinates stay those of the structure type; *only the volume is relaxed*. Seven
   volumes in steps of {step:.0f}% about the minimum are fitted with the third-order Birch-Murnaghan equation:
   `volume_per_atom`, `bulk_modulus` and the energy come from the fit, and the structure is given at this volume.
3. **Magnetism.** `magnetic_moment_per_atom` is the mean of CHGNet's site moments there: magnitudes, without signs.
4. **Formation energy.** It counts from CHGNet's own elements, each in the lowest of the forms tried (below).

## What was left out

Of {n_computed:,} crystals computed, {n_dropped:,} were dropped, each for the first of these reasons that applied. A
curve is "not smooth" where the fit misses by more than {residual:g} meV/atom (root mean square) or dB/dP is not in
[{low:g}, {high:g}].

| reason | crystals |
|---|---|
{dropped}

## Elements

An element occurs in {n_min} ({rarest}) to {n_max} ({commonest}) crystals, half of them in {n_median} or more. Noble
gases occur only as elements, and CHGNet's picture of them is poor. Missing are the elements that CHGNet does not
know (Po, At, Rn, Fr, Ra, everything beyond Pu) and those of which no crystal passed: {missing}.

| element | reference form | eV/atom | crystals |
|---|---|---|---|
{references}

## Prototypes

The structure types with their Strukturbericht symbols. Axis ratios and internal coordinates are those of the type's
namesake, or ideal. The tests compare the commonest with the AFLOW library (Mehl et al., Comput. Mater. Sci. 136,
S1 (2017), 10.1016/j.commatsci.2017.01.017).

| prototype | type | space group | sites | computed | kept |
|---|---|---|---|---|---|
{prototypes}

## Licence and citation

The data are ours, under CC-BY-4.0; attribute the materials-embeddings developers. Please cite CHGNet as well: B. Deng
et al., "CHGNet as a pretrained universal neural network potential for charge-informed atomistic modelling", Nat. Mach.
Intell. 5, 1031 (2023), 10.1038/s42256-023-00716-3.

## Making it again

    pip install '.[starter]'
    python -m tools.starter.generate --out builders/starter --workers 2

It takes about twenty minutes, can be stopped and resumed, and gives the same crystals and, up to the last digits of
floating-point arithmetic, the same numbers. It writes this card, too.
"""


def _column_lines(dataset: Dataset) -> list[str]:
    lines = []
    for name, unit in UNITS.items():
        low, middle, high = np.percentile([row[name] for row in dataset.rows], [5, 50, 95])
        lines.append(f"| `{name}` | float32 | {unit} | {low:.2f} | {middle:.2f} | {high:.2f} |")
    return lines


def _element_counts(dataset: Dataset) -> Counter[int]:
    return Counter(number for row in dataset.rows for number in set(row["atomic_numbers"]))


def _reference_lines(dataset: Dataset) -> list[str]:
    counts = _element_counts(dataset)
    ordered = sorted((ATOMIC_NUMBERS[symbol], symbol, *form) for symbol, form in dataset.references.items())
    return [f"| {symbol} | {form} | {energy:.3f} | {counts[z]} |" for z, symbol, form, energy in ordered]


def _prototype_lines(dataset: Dataset) -> list[str]:
    kept = Counter(row["prototype"] for row in dataset.rows)
    sites = {row["prototype"]: len(row["atomic_numbers"]) for row in dataset.rows}
    return [
        f"| {p.name} | {p.strukturbericht} | {p.space_group} | {sites.get(p.name, '')} "
        f"| {dataset.computed[p.name]} | {kept[p.name]} |"
        for p in PROTOTYPES
    ]


def _rarity(dataset: Dataset) -> dict[str, object]:
    """Return the fields about how often elements occur."""
    ordered = _element_counts(dataset).most_common()
    (commonest, n_max), (rarest, n_min) = ordered[0], ordered[-1]
    return {
        "n_elements": len(ordered),
        "missing": ", ".join(sorted(set(ELEMENTS) - {SYMBOLS[z - 1] for z, _ in ordered})) or "none",
        "n_min": n_min,
        "rarest": SYMBOLS[rarest - 1],
        "n_max": n_max,
        "commonest": SYMBOLS[commonest - 1],
        "n_median": int(np.median([n for _, n in ordered])),
    }


def render_card(dataset: Dataset, *, chgnet_version: str) -> str:
    """Return the card's Markdown text.

    Args:
        dataset: what it describes.
        chgnet_version: version of the package that computed it.

    Returns:
        Markdown with the YAML header of a dataset card.
    """
    low, high = BULK_MODULUS_DERIVATIVES
    return _TEMPLATE.format(
        **_rarity(dataset),
        n_rows=len(dataset.rows),
        size_category="1K<n<10K" if len(dataset.rows) < 10_000 else "10K<n<100K",
        n_prototypes=len({row["prototype"] for row in dataset.rows}),
        n_computed=sum(dataset.computed.values()),
        n_dropped=sum(dataset.dropped.values()),
        model=MODEL_NAME,
        chgnet_version=chgnet_version,
        step=100 * (STEP - 1),
        residual=1000 * MAX_RESIDUAL,
        low=low,
        high=high,
        columns="\n".join(_column_lines(dataset)),
        dropped="\n".join(f"| {reason} | {n} |" for reason, n in dataset.dropped.most_common()),
        references="\n".join(_reference_lines(dataset)),
        prototypes="\n".join(_prototype_lines(dataset)),
    )


def write_card(dataset: Dataset, path: Path, *, chgnet_version: str) -> None:
    """Write the card of a dataset to ``path``."""
    path.write_text(render_card(dataset, chgnet_version=chgnet_version), encoding="utf-8")
