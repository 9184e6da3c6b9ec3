"""A bucket of moto, which answers as S3 does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

ACCOUNT = {"ACCESS_KEY_ID": "a", "SECRET_ACCESS_KEY": "b", "DEFAULT_REGION": "us-east-1"}


@contextmanager
def moto_bucket(name: str) -> Iterator[str]:
    """Yield the address of an empty bucket; meanwhile the environment leads to it. Skips where moto is missing."""
    moto = pytest.importorskip("moto.server")
    boto3 = pytest.importorskip("boto3")
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    with pytest.MonkeyPatch.context() as patch:
        for key, value in ACCOUNT.items():
            patch.setenv(f"AWS_{key}", value)
        server.start()
        host, port = server.get_host_and_port()
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        boto3.client("s3").create_bucket(Bucket=name)
        yield f"s3://{name}"
        server.stop()
