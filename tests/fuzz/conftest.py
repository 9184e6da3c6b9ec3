"""How hard the fuzz suite tries: a little with every run of the tests, for an hour with EMBEDDINGS_FUZZ_SECONDS=3600.

Within the suite every test tries `EXAMPLES` inputs, the same ones each time. In a long run the tests share the seconds
evenly, and go on in rounds with a seed of their own each. The first seed is printed, and EMBEDDINGS_FUZZ_SEED sets it.
What failed is kept in ``.hypothesis`` and tried first the next time.
"""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, seed, settings

SECONDS_ENV, SEED_ENV = "EMBEDDINGS_FUZZ_SECONDS", "EMBEDDINGS_FUZZ_SEED"
SECONDS = float(os.environ.get(SECONDS_ENV) or 0)
SEED = int(os.environ.get(SEED_ENV) or (time.time_ns() % 10**9 if SECONDS else 0))
EXAMPLES, EXAMPLES_OF_ROUND = 40, 500

_current: dict[str, float] = {"seconds": SECONDS}
_tried: dict[str, int] = {}


def fuzz(test: Callable[..., Any] | None = None, *, examples: int = EXAMPLES) -> Any:
    """Decorate a test of hypothesis: `examples` inputs within the suite, rounds of more in a long run."""
    if test is None:
        return functools.partial(fuzz, examples=examples)
    quiet = settings(
        max_examples=EXAMPLES_OF_ROUND if SECONDS else examples,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )(test)

    @functools.wraps(quiet)
    def rounds(*arguments: Any, **fixtures: Any) -> None:
        started, number = time.monotonic(), 0
        while number == 0 or time.monotonic() - started < _current["seconds"]:
            seed(SEED + number)(quiet)(*arguments, **fixtures)
            number += 1
            _tried[test.__name__] = number

    return rounds


def pytest_report_header() -> str:
    return f"fuzz suite: seed {SEED} ({SEED_ENV}), {SECONDS:g} seconds ({SECONDS_ENV})"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    n_tests = sum(1 for item in items if getattr(getattr(item, "obj", None), "is_hypothesis_test", False))
    _current["seconds"] = SECONDS / max(n_tests, 1)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if SECONDS:
        for name, number in sorted(_tried.items()):
            terminalreporter.write_line(f"{number:6,} rounds of {EXAMPLES_OF_ROUND}  {name}")
