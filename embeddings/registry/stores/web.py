"""A registry on a web server: read over HTTP with the standard library alone, in as few requests as can be."""

from __future__ import annotations

import http.client
import string
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from email.utils import parsedate_to_datetime
from pathlib import Path
from ssl import SSLError
from typing import IO, BinaryIO, NoReturn
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urljoin, urlsplit
from urllib.request import HTTPRedirectHandler, OpenerDirector, Request, build_opener

from embeddings._version import __version__
from embeddings.errors import OutputInvalid, RegistryInvalid, RegistryUnreachable
from embeddings.registry.stores.base import Absent, Advance, Again, Changes, Content, append, size_of, too_large
from embeddings.registry.stores.tries import persist

TIMEOUT = 30.0
_REDIRECTS = (301, 302, 303, 307, 308)
_LATER = (408, 425, 429, 500, 502, 503, 504)
_MOST_REDIRECTS = 5
_BROKEN = (URLError, ConnectionError, TimeoutError, SSLError, http.client.HTTPException)
"""What a connection that breaks raises."""


class _Stay(HTTPRedirectHandler):
    """Follows no redirect and reads none, so that each is looked at first."""

    def http_error_302(self, req: Request, fp: IO[bytes], code: int, msg: str, headers: Message) -> None:
        """Return nothing: the answer is raised as an error."""

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302


@dataclass
class WebStore:
    """Files below a URL.

    Attributes:
        url: of the registry.
        headers: sent to its own origin, and to no other.
        address: path -> URL; by default the path is appended.
    """

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    address: Callable[[str], str] | None = None

    def settle(self) -> WebStore:
        """Return this store."""
        return self

    def at(self, tag: str) -> WebStore:
        """Return this store."""
        return self

    def read(self, path: str, *, at_most: int, tag: str = "") -> Content | None:
        """Return a small file; see `Store`."""
        url = self._address(path)

        def once() -> Content | None:
            with self._answer(url, {"If-None-Match": tag} if tag else {}) as answer:
                if answer.status == 304:
                    return None
                body = _body(answer, url, at_most)
                return Content(body, answer.headers.get("ETag", ""))

        return persist(once, url, _BROKEN)

    def download(self, path: str, part: Path, n_bytes: int, advance: Advance) -> None:
        """Fetch what a part lacks, from where it ends; see `Store`."""
        url = self._address(path)

        @contextmanager
        def opened(offset: int) -> Iterator[tuple[BinaryIO, int]]:
            with self._answer(url, {"Range": f"bytes={offset}-"} if offset else {}) as answer:
                begins = _begin(answer, offset)
                _check_length(answer, url, n_bytes - begins)
                yield answer, begins

        persist(lambda: append(opened, part, n_bytes, url, advance), url, _BROKEN, progress=lambda: size_of(part))

    def write(self, changes: Changes) -> NoReturn:
        """Refuse: a web server has no way of its own to take files."""
        raise OutputInvalid(
            f"Nothing can be published through {self.url}. Push into the folder or the bucket that it serves."
        )

    def _address(self, path: str) -> str:
        address = self.address(path) if self.address else f"{self.url}/{quote(path)}"
        return quote(address, safe=string.punctuation)

    @contextmanager
    def _answer(self, url: str, more: Mapping[str, str]) -> Iterator[http.client.HTTPResponse]:
        """Ask once, following redirects; our own headers go to our own origin only."""
        first, ask = url, _opener().open
        for _ in range(_MOST_REDIRECTS + 1):
            own = self.headers if _origin(url) == _origin(first) else {}
            general = {"User-Agent": f"materials-embeddings/{__version__}", "Accept-Encoding": "identity"}
            try:
                answer = ask(Request(url, headers={**general, **own, **more}), timeout=TIMEOUT)
            except HTTPError as error:
                answer = error
            with answer:
                if answer.status in _REDIRECTS:
                    url = _follow(answer, url)
                    continue
                _check_status(answer, url)
                yield answer
                return
        raise RegistryUnreachable(f"{first} redirects without end.")


def _opener() -> OpenerDirector:
    return build_opener(_Stay)


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme.lower(), parts.netloc.lower()


def _follow(answer: http.client.HTTPResponse, url: str) -> str:
    location = quote(answer.headers.get("Location", ""), encoding="iso-8859-1", safe=string.punctuation)
    try:
        target = urljoin(url, location)
        scheme = urlsplit(target).scheme.lower()
    except ValueError as error:
        raise RegistryInvalid(f"{url} redirects to {location[:200]}, which is not an address: {error}.") from error
    if scheme not in ("http", "https") or (scheme == "http" and urlsplit(url).scheme.lower() == "https"):
        raise RegistryInvalid(
            f"{url} redirects to {target[:200]}, which is not followed: only https is, or http from http."
        )
    return target


def _check_status(answer: http.client.HTTPResponse, url: str) -> None:
    status = answer.status
    if status in (200, 206, 304):
        if answer.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise RegistryInvalid(
                f"{url} arrives compressed, although the request asked for it uncompressed. Tell the owner of the "
                "server."
            )
        return
    if status in (404, 410):
        raise Absent(url)
    if status == 416:
        raise Again("the server has fewer bytes than it said")
    if status in _LATER:
        raise Again(f"the server says {status} {answer.reason}", _retry_after(answer.headers.get("Retry-After")))
    advice = " Log in, or ask for access." if status in (401, 403) else ""
    raise RegistryUnreachable(f"{url} is refused: the server says {status} {answer.reason}.{advice}")


def _retry_after(text: str | None) -> float | None:
    """Return the seconds that a server asks to wait."""
    if not text:
        return None
    try:
        if text.strip().isdecimal():
            return float(text)
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, OverflowError, TypeError):
        return None


def _begin(answer: http.client.HTTPResponse, offset: int) -> int:
    """Return the offset at which an answer begins: that which was asked for, or 0 where ranges are not known."""
    if answer.status != 206:
        return 0
    given = answer.headers.get("Content-Range", "").removeprefix("bytes ").partition("-")[0]
    if given != str(offset):
        raise Again(f"the server sent another part (from byte {given[:20]}) than was asked for (from {offset})")
    return offset


def _check_length(answer: http.client.HTTPResponse, url: str, expected: int) -> None:
    declared = answer.headers.get("Content-Length", "")
    if declared.isdecimal() and int(declared) != expected:
        raise RegistryInvalid(
            f"{url} has {int(declared):,} bytes, and should have {expected:,}. It was not fetched; tell its publisher."
        )


def _body(answer: http.client.HTTPResponse, url: str, at_most: int) -> bytes:
    declared = answer.headers.get("Content-Length", "")
    if declared.isdecimal() and int(declared) > at_most:
        raise too_large(url, at_most)
    body = answer.read(at_most + 1)
    if len(body) > at_most:
        raise too_large(url, at_most)
    if declared.isdecimal() and len(body) < int(declared):
        raise Again("the connection broke")
    return body
