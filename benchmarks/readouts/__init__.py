"""What a structure vector gains by more than the mean over its atoms: ``python -m benchmarks readouts [NAME ...]``.

Every readout of the same site vectors stands under the same heads, on the same crystals, in the same splits. Where
CHGNet is installed, its crystal features take part on AFLOW. The one that came out ahead is measured once more, alone,
on crystals that had not been drawn: the cases named ``...-again``.
"""

from __future__ import annotations

from benchmarks import harness
from benchmarks.harness import Suite
from benchmarks.readouts.tables import page, table, verdict

TITLES = {
    "aflow": "Elastic and thermal properties of AFLOW",
    "perovskites": "Cubic perovskites",
    "phonons": "MatBench, phonons",
    "dielectric": "MatBench, dielectric",
    "jdft2d": "MatBench, jdft2d",
    "aflow-again": "AFLOW, other crystals",
    "perovskites-again": "Cubic perovskites, others",
    "dielectric-again": "MatBench, dielectric, other crystals",
}


SUITE = Suite(
    "readouts",
    "Measure what structure vectors gain by more than the mean over their atoms.",
    cases=[harness.case(name, title, "benchmarks.readouts.measuring:run", name=name) for name, title in TITLES.items()],
    table=table,
    page=page,
    resumes=False,
    verdict=verdict,
)

command = harness.command(SUITE)
