"""No fixture sees the catalogs that a user has built, whatever its scope."""

from __future__ import annotations

from pathlib import Path

import platformdirs
import pytest

from embeddings.store.home import APPLICATION
from embeddings.store.roots import user_root


@pytest.fixture(scope="module")
def root_of_the_module() -> Path:
    return user_root()


def test_what_a_module_shares_is_not_made_from_the_cache_of_the_user(root_of_the_module: Path) -> None:
    own = Path(platformdirs.user_cache_dir(APPLICATION, appauthor=False))
    assert own not in root_of_the_module.parents
    assert own not in user_root().parents
