"""The time that stands in for the present one in whatever must repeat to the byte."""

from __future__ import annotations

import os
from datetime import UTC, datetime

from embeddings.errors import InputInvalid

VARIABLE = "SOURCE_DATE_EPOCH"


def source_date() -> datetime | None:
    """Return the UTC time of SOURCE_DATE_EPOCH, None where it is not set.

    Raises:
        InputInvalid: it is not a time in seconds.
    """
    epoch = os.environ.get(VARIABLE)
    try:
        return datetime.fromtimestamp(int(epoch), UTC) if epoch else None
    except (ValueError, OverflowError, OSError) as error:
        raise InputInvalid(f'{VARIABLE} is "{epoch}", and not a time in seconds since 1970.') from error
