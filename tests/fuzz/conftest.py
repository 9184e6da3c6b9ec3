"""How hard the fuzz suite tries: a little with every run of the tests, for hours with EMBEDDINGS_FUZZ_SECONDS set.

Two profiles of hypothesis, ``fuzz`` and ``fuzz-long``. A test takes the one in force with the decorator `fuzz`.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

SECONDS_ENV = "EMBEDDINGS_FUZZ_SECONDS"
_EXAMPLES_PER_SECOND = 200  # of one test, roughly

_slow = list(HealthCheck)
settings.register_profile("fuzz", max_examples=60, deadline=None, suppress_health_check=_slow)
settings.register_profile(
    "fuzz-long",
    max_examples=max(60, int(float(os.environ.get(SECONDS_ENV) or 0)) * _EXAMPLES_PER_SECOND),
    deadline=None,
    suppress_health_check=_slow,
    print_blob=True,
)
fuzz = settings.get_profile("fuzz-long" if os.environ.get(SECONDS_ENV) else "fuzz")
