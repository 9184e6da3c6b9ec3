"""What makes catalogs: sources, structures, snapshots, methods and the pipeline through them."""

import os

if "OMP_WAIT_POLICY" not in os.environ:
    # Threads of one training step wait for each other by spinning. Without a bound they starve on a machine with other
    # work, and training all but stops (docs/benchmarks.md). OpenMP reads this once, when torch is first imported.
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
