"""The Materials Project's own server code (emmet-api) on loopback; a dictionary stands in for its database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from testing.servers.loopback import serving_app

DATABASE_VERSION = "2025.09.25"


class _Collection:
    """What the server needs of an asynchronous collection, over mongomock."""

    def __init__(self, documents: list[dict[str, Any]]) -> None:
        import mongomock

        self._collection = mongomock.MongoClient().db.summary
        self._collection.insert_many([dict(document) for document in documents])

    async def count_documents(self, criteria: dict[str, Any], **options: Any) -> int:
        return self._collection.count_documents(criteria)

    async def estimated_document_count(self) -> int:
        return self._collection.estimated_document_count()

    async def aggregate(self, pipeline: list[dict[str, Any]], **options: Any) -> _Cursor:
        return _Cursor(list(self._collection.aggregate(pipeline)))


class _Cursor:
    def __init__(self, documents: list[dict[str, Any]]) -> None:
        self._documents = documents

    async def to_list(self) -> list[dict[str, Any]]:
        return self._documents


@contextmanager
def emmet_server(documents: list[dict[str, Any]]) -> Iterator[str]:
    """Serve documents; yield the address."""
    pytest.importorskip("mongomock")
    pytest.importorskip("emmet.api")
    with serving_app(_app(documents)) as origin:
        yield f"{origin}/"


def _app(documents: list[dict[str, Any]]) -> Any:
    from emmet.api.core.api import MAPI
    from emmet.api.resource.utils import CollectionWithKey
    from emmet.api.routes.materials.summary.resources import summary_resource

    resource = summary_resource(CollectionWithKey(_Collection(documents)))
    meta = {"pymatgen": "", "db_version": DATABASE_VERSION, "suffix": None, "access_controlled_batch_ids": []}
    return MAPI(resources={"materials": [resource]}, heartbeat_meta=meta).app
