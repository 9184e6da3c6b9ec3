"""Shared fixtures: a cache of its own for every test, and the optional development data; and what keeps tests fast."""

from __future__ import annotations

import gc
import os
from collections import Counter
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

import builders  # noqa: F401  # bounds how long threads spin, before anything loads torch
from testing.processes import flush_nothing, one_server

os.environ.setdefault("OMP_NUM_THREADS", "1")  # several processes share the cores, and all give the same last bits

settings.register_profile("any machine", deadline=None)  # how long an example takes says nothing on a busy one
settings.load_profile("any machine")

DATA_ENV = "EMBEDDINGS_TEST_DATA"

one_server()  # before anything that a test calls starts one of its own


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for garbage neither during the imports of all tests nor later in what they imported: it stays anyway."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files of slow tests, then those of many, so that no worker is left alone with one at the end."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        slow = {item.path for item in items if item.get_closest_marker("slow")}
        n_tests = Counter(item.path for item in items)
        items.sort(key=lambda item: (item.path not in slow, -n_tests[item.path], item.path))


@pytest.fixture(autouse=True, scope="session")
def _nothing_waits_for_the_disk() -> Iterator[None]:
    """Flush nothing: only a loss of power would tell, and a flush takes milliseconds. What is flushed is tested."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", flush_nothing)
        yield


@pytest.fixture(autouse=True, scope="session")
def _no_cache_of_the_user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what is made once for several tests away from the user's cache too: it may hold other versions."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMBEDDINGS_CACHE", str(tmp_path_factory.mktemp("shared-cache")))
        patch.setenv("EMBEDDINGS_CONFIG", str(tmp_path_factory.mktemp("shared-config")))
        patch.delenv("EMBEDDINGS_CATALOGS", raising=False)
        yield


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep every test away from the user's cache, catalogs and settings."""
    cache = tmp_path / "cache"
    monkeypatch.setenv("EMBEDDINGS_CACHE", str(cache))
    monkeypatch.setenv("EMBEDDINGS_CONFIG", str(tmp_path / "config"))
    monkeypatch.delenv("EMBEDDINGS_CATALOGS", raising=False)
    return cache


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """Folder of the optional development data; a test that asks for it is skipped without."""
    default = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get(DATA_ENV) or default)
    if not any(folder.glob("*.parquet")):
        pytest.skip(f"no development data: set {DATA_ENV} to its folder")
    return folder
