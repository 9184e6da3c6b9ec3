"""The time, for whatever records when it was made."""

from __future__ import annotations

import os
from datetime import UTC, datetime


def now() -> str:
    """Return the UTC time to the second, or that of SOURCE_DATE_EPOCH for builds that must repeat to the byte."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    moment = datetime.fromtimestamp(int(epoch), UTC) if epoch else datetime.now(UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
