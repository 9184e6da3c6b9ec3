"""Registries of each kind on this machine, empty, and how many requests came to them."""

from __future__ import annotations

import os
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from testing.servers.files import file_server
from testing.servers.hub import hub_server


@dataclass
class Place:
    """A registry.

    Attributes:
        url: to read from.
        write_url: to publish to; a web server is written through its folder.
        requests: counts those that came so far.
        close: ends its server.
    """

    url: str
    write_url: str
    requests: Callable[[], int]


KINDS = ("folder", "web", "s3", "hub", "memory")


@contextmanager
def place(kind: str, folder: Path, patch: pytest.MonkeyPatch) -> Iterator[Place]:
    """Make an empty registry of a kind, until the end of the block."""
    folder.mkdir(parents=True)
    if kind == "folder":
        yield Place(folder.as_uri(), folder.as_uri(), lambda: 0)
    elif kind == "web":
        with file_server(folder) as server:
            yield Place(server.origin, folder.as_uri(), lambda: len(server.asked))
    elif kind == "s3":
        with _bucket(patch) as requests:
            yield Place("s3://bucket/some/where", "s3://bucket/some/where", requests)
    elif kind == "hub":
        constants = pytest.importorskip("huggingface_hub.constants")
        with hub_server() as hub:
            assert hub.server is not None
            assert hub.storage is not None
            server, storage = hub.server, hub.storage
            patch.setattr(constants, "ENDPOINT", server.origin)
            template = server.origin + "/{repo_id}/resolve/{revision}/{filename}"
            patch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
            patch.setattr(constants, "HF_HUB_DISABLE_XET", True)
            patch.setenv("HF_TOKEN", "hf_secret")
            url = f"hf://{hub.repo}"
            yield Place(url, url, lambda: len(server.asked) + len(storage.asked))
    else:
        pytest.importorskip("fsspec")
        url = f"memory:///{folder.name}-{os.getpid()}-{id(patch)}".replace("///", "//")
        yield Place(url, url, lambda: 0)


@contextmanager
def _bucket(patch: pytest.MonkeyPatch) -> Iterator[Callable[[], int]]:
    moto = pytest.importorskip("moto.server")
    boto3 = pytest.importorskip("boto3")
    for name, value in {"ACCESS_KEY_ID": "a", "SECRET_ACCESS_KEY": "b", "DEFAULT_REGION": "us-east-1"}.items():
        patch.setenv(f"AWS_{name}", value)
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    urllib.request.urlopen(urllib.request.Request(f"http://{host}:{port}/moto-api/reset", method="POST"), timeout=10)
    boto3.client("s3").create_bucket(Bucket="bucket")
    counted: list[str] = []
    import botocore.httpsession

    send = botocore.httpsession.URLLib3Session.send

    def counting(session: object, request: object) -> object:
        counted.append(request.url)  # type: ignore[attr-defined]
        return send(session, request)

    patch.setattr(botocore.httpsession.URLLib3Session, "send", counting)
    try:
        yield lambda: len(counted)
    finally:
        server.stop()
