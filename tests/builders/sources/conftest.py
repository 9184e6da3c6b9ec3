"""What the tests of sources share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from builders.cleaning import Selection
from builders.progress import Reporter
from builders.snapshot import Snapshot, query_of, take_snapshot
from builders.sources import SourceOptions, find_source, mp_client
from tests.servers.summary import SummaryServer, summary_server
from tests.servers.summary_documents import summary_documents

KEY = "0123456789abcdefABCDEF0123456789"


@pytest.fixture
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep clients away from the user's settings and from the network, and do not let them wait."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MP_API_KEY", KEY)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(mp_client, "PAUSES", (0.0,) * 3)


@pytest.fixture
def server(own_home: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[SummaryServer]:
    """A small Materials Project of 950 documents, 12 deprecated ones and 8 that forbid commercial use."""
    with summary_server(summary_documents(950, n_deprecated=12, n_nc=8)) as served:
        monkeypatch.setenv("MP_API_ENDPOINT", served.address)
        yield served


Pull = Callable[..., Snapshot]


@pytest.fixture
def pull() -> Pull:
    """Take a snapshot from a source."""

    def taken(
        source: str, folder: Path, options: SourceOptions | None = None, selection: Selection | None = None
    ) -> Snapshot:
        selection = selection or Selection()
        stream = find_source(source)(options or SourceOptions(), selection)
        assert query_of(stream, selection)
        return take_snapshot(folder, source, stream, selection, Reporter(quiet=True))

    return taken
