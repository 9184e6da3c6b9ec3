"""Patient, polite requests to the Materials Project through its own client (mp-api)."""

from __future__ import annotations

import base64
import os
import re
import time
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from builders.sources.addresses import Address, parse_address, without_secrets
from embeddings.display.numbers import counted
from embeddings.errors import InputInvalid, MissingExtra, SourceError

if TYPE_CHECKING:
    import requests

T = TypeVar("T")
Document = dict[str, Any]

ENDPOINT = "https://api.materialsproject.org/"
ENDPOINT_VARIABLE = "MP_API_ENDPOINT"
KEY_VARIABLE = "MP_API_KEY"
KEY_LENGTH = 32
HOW_TO_GET_A_KEY = (
    "Get a key at https://next-gen.materialsproject.org/api (a free account), then set MP_API_KEY or name a file that "
    "holds it with --api-key-file"
)
OFFLINE = "Without a network, use --source starter"

TIMEOUT = 60
"""Seconds that a request may take."""

REQUESTS_PER_SECOND = 5.0
PAUSES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0)
"""Seconds to wait before trying again, after each failure in a row."""

PAGE = 1000
"""The most documents on a page that the server allows."""


class Transient(Exception):
    """A failure that may pass."""


def read_api_key(path: Path | None) -> str:
    """Return the key from a file, or from the environment.

    Raises:
        SourceError: there is none, or it does not look like a key. No message contains the key itself.
    """
    if path and _is_key(path.name):
        raise SourceError(f"What --api-key-file names looks like a key itself. {HOW_TO_GET_A_KEY}.")
    where = str(path) if path else KEY_VARIABLE
    try:
        key = path.read_text(encoding="utf-8").strip() if path else os.environ.get(KEY_VARIABLE, "").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"The key file {path} cannot be read: {type(error).__name__}. {HOW_TO_GET_A_KEY}.") from error
    if not key:
        raise SourceError(f"No API key in {where}. {HOW_TO_GET_A_KEY}. {OFFLINE}.")
    if not _is_key(key):
        raise SourceError(
            f"What {where} holds is not a Materials Project key: {KEY_LENGTH} letters and digits, not "
            f"{counted(len(key), 'character')}. {HOW_TO_GET_A_KEY}."
        )
    return key


def _is_key(text: str) -> bool:
    return len(text) == KEY_LENGTH and text.isascii() and text.isalnum()


def endpoint() -> Address:
    """Return the address of the service; ``MP_API_ENDPOINT`` moves it.

    Raises:
        SourceError: the variable does not hold an address.
    """
    try:
        return parse_address(os.environ.get(ENDPOINT_VARIABLE) or ENDPOINT, ENDPOINT_VARIABLE)
    except InputInvalid as error:
        raise SourceError(f"{error} {OFFLINE}.") from error


class MaterialsProjectClient:
    """Requests summary documents, at most five times a second, and again when an answer is incomplete.

    The key is sent only to the origin of the address, and appears in no message.
    """

    def __init__(self, address: Address, api_key: str) -> None:
        try:
            import mp_api.client  # noqa: F401
        except ImportError as error:
            raise MissingExtra.of("mp-api", "mp") from error
        from builders.sources.sessions import bound_session

        self.address = address.url + "/"
        self._api_key = api_key
        self._secrets = (api_key, base64.b64encode(api_key.encode()).decode(), *address.secrets)
        self._session_class = bound_session(address, ENDPOINT_VARIABLE, secrets=self._secrets)
        self._open: requests.Session | None = None
        self._rester: Any = None
        self._n_requests, self._since, self._last = 0, time.monotonic(), 0.0
        local = urlsplit(address.url).hostname in ("127.0.0.1", "localhost", "::1")
        self._interval = 0.0 if local else 1 / REQUESTS_PER_SECOND

    @property
    def rate(self) -> str:
        """Return the requests per second, for the progress bar."""
        return f"{self._n_requests / max(time.monotonic() - self._since, 1e-3):.1f} requests/s"

    def database_version(self, *, patience: Sequence[float] = PAUSES) -> str:
        """Return the current version of the database, as the service states it."""
        return self.ask("heartbeat", self._heartbeat, patience=patience)

    def page(
        self, what: str, criteria: Document, fields: Sequence[str], check: Callable[[list[Document], int], None]
    ) -> tuple[list[Document], int]:
        """Return the documents of one page, and the number of all that match.

        Args:
            what: what is requested, for messages.
            criteria: in the terms of the service.
            fields: of the documents.
            check: raises `Transient` if the documents (first) are not what the page must hold, given the number of
                all (second).
        """

        def request() -> tuple[list[Document], int]:
            # The fields go among the criteria: given separately, they make the client build the JSON Schema of the
            # whole document model each time, which takes longer than the request.
            asked = {**criteria, "_fields": ",".join(fields)}
            answer = self._summary()._query_resource(criteria=asked, num_chunks=1, chunk_size=PAGE)
            documents, total = answer["data"], answer["meta"]["total_doc"]
            check(documents, total)
            return documents, total

        return self.ask(what, request)

    def ask(self, what: str, request: Callable[[], T], *, patience: Sequence[float] | None = None) -> T:
        """Make a request, and repeat it with growing pauses while its failure may pass.

        Raises:
            SourceError: the failure is final, or lasted through all of ``patience``.
        """
        pauses = list(PAUSES if patience is None else patience)
        while True:
            try:
                return self._once(request)
            except Transient as error:
                if not pauses:
                    raise SourceError(
                        f"The Materials Project at {self.address} did not answer as it should ({what}: {error}). What "
                        f"has been pulled is kept: give the same command again later. {OFFLINE}."
                    ) from error
                time.sleep(pauses.pop(0))

    def _once(self, request: Callable[[], T]) -> T:
        time.sleep(max(0.0, self._last + self._interval - time.monotonic()))
        self._last = time.monotonic()
        self._n_requests += 1
        try:
            return request()
        except (Transient, SourceError):
            raise
        except Exception as error:
            shown = without_secrets(str(error), self._secrets) == str(error)
            raise self._named(error) from (error if shown else None)

    def _named(self, error: Exception) -> Exception:
        """Turn whatever the client raises into one of two kinds; texts are cut before the long list of identifiers."""
        text = " ".join(without_secrets(str(error), self._secrets).split())
        found = re.search(r"status code (\d{3})", text)
        status = int(found[1]) if found else 400 if "does not support the request" in text else None
        if status in (401, 403):
            return SourceError(f"The Materials Project refuses the API key (status {status}). {HOW_TO_GET_A_KEY}.")
        if status is not None and 400 <= status < 500 and status != 429:
            return SourceError(
                f"The Materials Project at {self.address} rejects the request (status {status}). Check the "
                "address and the filters, and that mp-api is up to date."
            )
        return Transient(f"status {status}" if status else f"{type(error).__name__}: {text[:160]}")

    def _heartbeat(self) -> str:
        if self._open is None:
            self._open = self._session_class()
        response = self._open.get(f"{self.address}heartbeat", timeout=TIMEOUT)
        if response.status_code != 200:
            raise ValueError(f"status code {response.status_code}")
        return without_secrets(str(response.json()["db_version"]), self._secrets)

    def _summary(self) -> Any:
        if self._rester is None:
            from mp_api.client.routes.materials.summary import SummaryRester

            class BoundRester(SummaryRester):
                """Leaves the heartbeat to us: the original follows redirects anywhere, and waits forever."""

                @staticmethod
                @cache
                def _get_heartbeat_info(endpoint: str) -> tuple[str, list[str]]:
                    return "", []

            headers = {"accept-encoding": "gzip"}
            theirs, ours = SummaryRester._create_session(self._api_key, True, headers), self._session_class()
            ours.headers, ours.adapters = theirs.headers, theirs.adapters
            self._rester = BoundRester(
                api_key=self._api_key,
                endpoint=self.address,
                session=ours,
                headers=headers,
                use_document_model=False,
                mute_progress_bars=True,
                timeout=TIMEOUT,
            )
        return self._rester
