"""A registry in a bucket of S3, or of a server that speaks its language (``AWS_ENDPOINT_URL``), through boto3.

Writes are conditional (``If-None-Match``, ``If-Match``), so two publishers cannot overwrite each other.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, cached_property
from pathlib import Path
from typing import Any, BinaryIO, NoReturn
from urllib.parse import urlsplit

from embeddings.errors import OutputInvalid, RegistryInvalid, RegistryUnreachable, needs
from embeddings.registry.stores.base import (
    Absent,
    Advance,
    Again,
    Changes,
    Content,
    Overtaken,
    append,
    check_same,
    size_of,
    too_large,
)
from embeddings.registry.stores.tries import persist
from embeddings.store.index import INDEX
from embeddings.store.manifest import LARGEST_MANIFEST, MANIFEST

_ABSENT = ("NoSuchKey", "NoSuchBucket", "404")
_TAKEN = ("PreconditionFailed", "ConditionalRequestConflict", "412", "409")


class S3Store:
    """Objects below a prefix in a bucket."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.url, self._bucket, self._prefix = url, parts.netloc, parts.path.strip("/")

    @cached_property
    def _client(self) -> Any:
        return _client()

    def settle(self) -> S3Store:
        """Return this store."""
        return self

    def at(self, tag: str) -> S3Store:
        """Return this store."""
        return self

    def read(self, path: str, *, at_most: int, tag: str = "") -> Content | None:
        """Return a small object; see `Store`."""

        def once() -> Content | None:
            with self._told(path):
                answer = self._get(path, **({"IfNoneMatch": tag} if tag else {}))
                if answer is None:
                    return None
                if answer["ContentLength"] > at_most:
                    raise too_large(f"{self.url}/{path}", at_most)
                return Content(answer["Body"].read(), answer["ETag"])

        return persist(once, f"{self.url}/{path}", _broken())

    def download(self, path: str, part: Path, n_bytes: int, advance: Advance) -> None:
        """Fetch what a part lacks, from where it ends; see `Store`."""
        where = f"{self.url}/{path}"

        @contextmanager
        def opened(offset: int) -> Iterator[tuple[BinaryIO, int]]:
            answer = self._get(path, **({"Range": f"bytes={offset}-"} if offset else {}))
            if answer is None:
                raise Again("it did not come")
            if answer["ContentLength"] != n_bytes - offset:
                there = answer["ContentLength"] + offset
                raise RegistryInvalid(f"{where} has {there:,} bytes, and should have {n_bytes:,}. Tell its publisher.")
            yield answer["Body"], offset

        def once() -> None:
            with self._told(path):
                append(opened, part, n_bytes, where, advance)

        persist(once, where, _broken(), progress=lambda: size_of(part))

    def write(self, changes: Changes) -> None:
        """Publish a version; its manifest claims the name first, so that nobody else writes its files."""
        self._claim(changes)
        for name, source in changes.folder.items():
            if name != MANIFEST:
                self._put(f"{changes.prefix}/{name}", source)
        for path, body in changes.beside.items():
            self._put(path, body)
        condition = {"IfMatch": changes.tag} if changes.tag else {"IfNoneMatch": "*"}
        if not self._put(INDEX, changes.index, **condition):
            raise Overtaken

    def _claim(self, changes: Changes) -> None:
        path = f"{changes.prefix}/{MANIFEST}"
        if self._put(path, changes.folder[MANIFEST], IfNoneMatch="*"):
            return
        there = self.read(path, at_most=LARGEST_MANIFEST)
        check_same(self.url, there.body if there else b"", changes)

    def _get(self, path: str, **conditions: str) -> dict[str, Any] | None:
        from botocore.exceptions import ClientError

        try:
            answer: dict[str, Any] = self._client.get_object(Bucket=self._bucket, Key=self._key(path), **conditions)
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            if code in ("304", "NotModified"):
                return None
            if code in _ABSENT:
                raise Absent(path) from None
            raise
        return answer

    def _put(self, path: str, body: bytes | Path, **conditions: str) -> bool:
        """Write one object; False if a condition does not hold."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            if isinstance(body, Path):
                with open(body, "rb") as file:
                    self._client.put_object(Bucket=self._bucket, Key=self._key(path), Body=file, **conditions)
            else:
                self._client.put_object(Bucket=self._bucket, Key=self._key(path), Body=body, **conditions)
        except ClientError as error:
            if conditions and error.response.get("Error", {}).get("Code", "") in _TAKEN:
                return False
            self._refuse(path, error)
        except BotoCoreError as error:
            raise RegistryUnreachable(f"{self.url}/{path} cannot be written: {error}. Try again.") from error
        return True

    def _refuse(self, path: str, error: Exception) -> NoReturn:
        raise OutputInvalid(
            f"{self.url}/{path} cannot be written: {error}. Check the bucket and your rights."
        ) from error

    @contextmanager
    def _told(self, path: str) -> Iterator[None]:
        from botocore.exceptions import ClientError, NoCredentialsError

        try:
            yield
        except (ClientError, NoCredentialsError) as error:
            raise RegistryUnreachable(f"{self.url}/{path} is refused: {error}. Check your credentials.") from error

    def _key(self, path: str) -> str:
        return f"{self._prefix}/{path}" if self._prefix else path


@cache
def _session() -> Any:
    with needs("boto3", "share"):
        import boto3
    return boto3.Session()


def _client() -> Any:
    """Return a client; without credentials, one that reads what is public."""
    session = _session()
    from botocore import UNSIGNED
    from botocore.config import Config

    known = session.get_credentials() is not None
    config = Config(retries={"mode": "standard"}, **({} if known else {"signature_version": UNSIGNED}))
    return session.client("s3", config=config)


def _broken() -> tuple[type[Exception], ...]:
    """Return what a connection that breaks raises."""
    from botocore.exceptions import ConnectionError as BotoConnectionError
    from botocore.exceptions import HTTPClientError, IncompleteReadError, ReadTimeoutError, ResponseStreamingError

    return (BotoConnectionError, HTTPClientError, IncompleteReadError, ReadTimeoutError, ResponseStreamingError)
