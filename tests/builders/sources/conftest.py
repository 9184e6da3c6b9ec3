"""What the tests of sources share."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from builders.progress import Reporter
from builders.snapshots.plans import query_of
from builders.snapshots.snapshot import Snapshot, take_snapshot
from builders.sources import SourceOptions, find_source, mp, mp_client
from builders.sources.mp_documents import normal_id
from builders.structures.cleaning import Selection
from testing.servers.summary import SummaryServer, summary_server
from testing.servers.summary_documents import summary_documents

KEY = "0123456789abcdefABCDEF0123456789"


@pytest.fixture
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep clients away from the user's settings and from the network, and do not let them wait."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MP_API_KEY", KEY)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(mp_client, "PAUSES", (0.0,) * 3)


@pytest.fixture(scope="session")
def few_documents() -> str:
    """95 documents, 6 deprecated ones and 4 that forbid commercial use, as JSON; identifiers in both spellings."""
    documents = summary_documents(95, n_deprecated=6, n_nc=4)
    old = [document | {"material_id": normal_id(document["material_id"])} for document in documents[::2]]
    return json.dumps([document for pair in zip(old, documents[1::2], strict=False) for document in pair] + old[-1:])


@pytest.fixture
def server(own_home: None, few_documents: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[SummaryServer]:
    """A small Materials Project; two pages of census and three batches are a pull."""
    monkeypatch.setattr(mp, "PAGE", 50)
    monkeypatch.setattr(mp, "BATCH", 40)
    with summary_server(json.loads(few_documents)) as served:
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
