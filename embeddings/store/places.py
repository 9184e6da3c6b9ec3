"""Places of files by URL: buckets of S3 and Google, the Hub, and whatever else fsspec reads, as file systems of Arrow.

Credentials are those of the environment; an address that holds some is refused, because addresses are written down.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from embeddings.errors import EmbeddingsError, InputInvalid, MissingExtra, needs

if TYPE_CHECKING:
    import pyarrow as pa

_CHUNK = 1 << 22


@dataclass(frozen=True)
class Found:
    """A file of a place.

    Attributes:
        name: below the place; empty if the place is the file itself.
        size: in bytes.
        changed: when it was changed last, as text; empty where the place does not say.
    """

    name: str
    size: int
    changed: str


@dataclass(frozen=True)
class Place:
    """A file or a folder behind a URL.

    Attributes:
        url: as it is spoken of.
        system: file system of Arrow.
        root: path within it.
    """

    url: str
    system: Any
    root: str

    def files(self, ending: str, error: type[EmbeddingsError]) -> list[Found]:
        """Return its files of this ending, by name; hidden ones are left out.

        Raises:
            EmbeddingsError: of the given kind, where it cannot be listed.
        """
        from pyarrow import fs

        with self.told("listed", error):
            whole = self.system.get_file_info(self.root)
            if whole.type == fs.FileType.File:
                return [Found("", whole.size, str(whole.mtime or ""))]
            selector = fs.FileSelector(self.root, recursive=True, allow_not_found=True)
            infos = [info for info in self.system.get_file_info(selector) if info.type == fs.FileType.File]
        named = {info.path.removeprefix(self.root).lstrip("/"): info for info in infos}
        shown = (name for name in named if name.endswith(ending) and not _is_hidden(name))
        return [Found(name, named[name].size, str(named[name].mtime or "")) for name in sorted(shown)]

    def open_file(self, name: str) -> pa.NativeFile:
        """Open a file for reading at any place of it.

        Raises:
            OSError: it cannot be opened.
        """
        return self.system.open_input_file(self._at(name))

    def put(self, name: str, source: Path, error: type[EmbeddingsError]) -> None:
        """Write a file; it appears whole.

        Raises:
            EmbeddingsError: of the given kind, where it cannot be written.
        """
        with self.told("written", error), source.open("rb") as file:
            target = self._at(name)
            if target.count("/") > 1:
                self._make_folder(target.rpartition("/")[0])
            with self.system.open_output_stream(target) as stream:
                while chunk := file.read(_CHUNK):
                    stream.write(chunk)

    def remove(self, name: str, error: type[EmbeddingsError]) -> None:
        """Remove a file.

        Raises:
            EmbeddingsError: of the given kind, where it cannot be removed.
        """
        with self.told("written", error):
            self.system.delete_file(self._at(name))

    def _make_folder(self, path: str) -> None:
        if not type(self.system).__name__.startswith(("S3", "Gcs")):  # stores of objects have no folders
            self.system.create_dir(path, recursive=True)

    def _at(self, name: str) -> str:
        return f"{self.root}/{name}" if name else self.root

    @contextmanager
    def told(self, what: str, error: type[EmbeddingsError]) -> Iterator[None]:
        """Turn what a file system raises into an error that names the place; each has errors of its own."""
        try:
            yield
        except EmbeddingsError:
            raise
        except Exception as cause:
            reason = " ".join(str(cause).split()) or type(cause).__name__
            raise error(
                f"{self.url} cannot be {what}: {reason[:300].rstrip('.')}. Check the address, your credentials "
                "and your rights."
            ) from cause


def open_place(url: str) -> Place:
    """Return the place of a URL; nothing is fetched yet.

    Raises:
        InputInvalid: it is no URL of a place, or holds credentials.
        MissingExtra: the package for its scheme is not installed.
    """
    parts = urlsplit(url)
    if parts.username or parts.password:
        raise InputInvalid(
            f"The address of {parts.hostname} holds credentials, which would be stored. Put them into "
            "environment variables, such as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
        )
    if parts.query or parts.fragment or not parts.scheme or not parts.netloc + parts.path.strip("/"):
        raise InputInvalid(
            f'"{url}" is not an address such as s3://bucket/folder, gs://bucket/folder or hf://org/repo.'
        )
    root = (parts.netloc + parts.path).rstrip("/")
    if parts.scheme == "s3":
        return Place(url, _s3(), root)
    if parts.scheme in ("gs", "gcs"):
        from pyarrow import fs

        return Place(url, fs.GcsFileSystem(), root)
    if parts.scheme == "hf":
        return Place(url, _wrapped(_hub()), root if root.startswith("datasets/") else f"datasets/{root}")
    system, root = file_system_of(url)
    return Place(url, _wrapped(system), root)


def _s3() -> Any:
    """Return the file system of S3; without credentials, one that reads what is public."""
    from pyarrow import fs

    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    return fs.S3FileSystem(anonymous=_is_anonymous(), endpoint_override=endpoint or None, region=region or None)


def _is_anonymous() -> bool:
    """Whether boto3, which knows every place of credentials, finds none."""
    if os.environ.get("AWS_ACCESS_KEY_ID"):
        return False
    try:
        import boto3
    except ModuleNotFoundError:
        return False
    return boto3.Session().get_credentials() is None


def _hub() -> Any:
    with needs("huggingface_hub", "hub"):
        from huggingface_hub import HfFileSystem
    return HfFileSystem()


def file_system_of(url: str) -> tuple[Any, str]:
    """Return the file system of fsspec behind a URL, and the path on it.

    Raises:
        MissingExtra: fsspec, or the package that the scheme needs, is not installed.
        InputInvalid: there is no such scheme, or the URL is none.
    """
    with needs("fsspec", "share"):
        import fsspec
    try:
        system, root = fsspec.core.url_to_fs(url)
    except ImportError as error:
        raise MissingExtra(f"{urlsplit(url).scheme}:// needs another package: {error}") from error
    except ValueError as error:
        raise InputInvalid(f"{url} cannot be opened: {error}.") from error
    return system, root.rstrip("/")


def _wrapped(system: Any) -> Any:
    from pyarrow import fs

    return fs.PyFileSystem(fs.FSSpecHandler(system))


def _is_hidden(name: str) -> bool:
    return any(part.startswith((".", "_")) for part in name.split("/"))
