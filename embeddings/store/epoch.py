"""The time to use in place of the current one in files that must repeat to the byte."""

from __future__ import annotations

import os
from datetime import UTC, datetime

from embeddings.errors import InputInvalid

VARIABLE = "SOURCE_DATE_EPOCH"


def source_date() -> datetime | None:
    """Return the UTC time of SOURCE_DATE_EPOCH, or None if it is not set.

    Raises:
        InputInvalid: it is not a time in seconds.
    """
    epoch = os.environ.get(VARIABLE)
    try:
        return datetime.fromtimestamp(int(epoch), UTC) if epoch else None
    except (ValueError, OverflowError, OSError) as error:
        raise InputInvalid(f'{VARIABLE} is "{epoch}", not a time in seconds since 1970.') from error
