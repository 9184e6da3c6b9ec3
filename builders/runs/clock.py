"""The current time, for whatever records when it was made."""

from __future__ import annotations

from datetime import UTC, datetime

from embeddings.store.epoch import source_date


def now() -> str:
    """Return the UTC time to the second, or SOURCE_DATE_EPOCH for builds that must repeat byte for byte.

    Raises:
        InputInvalid: SOURCE_DATE_EPOCH is not a time.
    """
    return (source_date() or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ")
