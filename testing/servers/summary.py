"""A small stand-in for the Materials Project that can be told to fail, in every way that a server fails."""

from __future__ import annotations

import gzip
import json
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, lru_cache
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from emmet.core.types.typing import format_identifier

from testing.servers.loopback import serving

Document = dict[str, Any]
FIRST_VERSION = "2025.09.25"


class SummaryServer:
    """Documents, the faults of the coming requests, and the requests that were made.

    Attributes:
        documents: what is served.
        version: of the database.
        faults: one is taken from the left for each request of documents; None is no fault.
        requests: parameters of each request of documents.
        headers: of the last request.
        sees_nc: the user has accepted the terms of non-commercial data.
    """

    def __init__(self, documents: list[Document]) -> None:
        self.documents, self.version = documents, FIRST_VERSION
        self.faults: deque[str | None] = deque()
        self.requests: list[dict[str, str]] = []
        self.headers: dict[str, str] = {}
        self.sees_nc = False
        self.address = ""

    def answer(self, parameters: dict[str, str]) -> Document:
        """Return the answer of a healthy server."""
        criteria = {name: value for name, value in parameters.items() if not name.startswith("_")}
        found = [document for document in self.documents if self._fits(document, criteria)]
        if parameters.get("_sort_fields"):
            found.sort(key=lambda document: document[parameters["_sort_fields"]])
        skip, limit = int(parameters.get("_skip", 0)), int(parameters.get("_limit", 100))
        fields = parameters.get("_fields", "material_id").split(",")
        data = [{name: document[name] for name in fields} for document in found[skip : skip + limit]]
        return {"data": data, "meta": {"total_doc": len(found)}}

    def _fits(self, document: Document, criteria: dict[str, str]) -> bool:
        licences = {"BY-C", "BY-NC"} if self.sees_nc else {"BY-C"}
        return document["builder_meta"]["license"] in licences and all(
            CRITERIA[name](document, value) for name, value in criteria.items()
        )


@lru_cache
def _ids(value: str) -> set[str]:
    return {_normal(name) for name in value.split(",")}


@cache
def _normal(name: str) -> str:
    return str(format_identifier(name, legacy=True))


CRITERIA: dict[str, Callable[[Document, str], bool]] = {
    "deprecated": lambda d, v: d["deprecated"] == (v == "True"),
    "material_ids": lambda d, v: _normal(d["material_id"]) in _ids(v),
    "chemsys": lambda d, v: d["chemsys"] in v.split(","),
    "exclude_elements": lambda d, v: not set(d["elements"]) & set(v.split(",")),
    "nelements_min": lambda d, v: d["nelements"] >= int(v),
    "nelements_max": lambda d, v: d["nelements"] <= int(v),
    "nsites_max": lambda d, v: d["nsites"] <= int(v),
    "is_stable": lambda d, v: d["is_stable"] == (v == "True"),
    "energy_above_hull_max": lambda d, v: d["energy_above_hull"] <= float(v),
    "batch_id_not_eq": lambda d, v: d["builder_meta"]["batch_id"] != v,
}


def _short(answer: Document) -> Document:
    return answer | {"data": answer["data"][: len(answer["data"]) // 2]}


def _duplicate(answer: Document) -> Document:
    return answer | {"data": [*answer["data"][:-1], answer["data"][0]]}


def _bare(answer: Document) -> Document:
    return answer | {"data": [answer["data"][0] | {"structure": None}, *answer["data"][1:]]}


ALTERED: dict[str, Callable[[Document], Document]] = {
    "short": _short,
    "empty": lambda answer: answer | {"data": []},
    "duplicate": _duplicate,
    "bare": _bare,
    "no meta": lambda answer: {"data": answer["data"]},
    "fewer in all": lambda answer: _short(answer) | {"meta": {"total_doc": len(answer["data"]) // 2}},
}
"""Faults that leave the answer well-formed."""

TEXTS = {"malformed": '{"data": [', "html": "<html><body>Down for maintenance</body></html>"}
STATUSES = {"400", "401", "403", "404", "429", "500", "502", "503", "504"}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    served: SummaryServer

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if url.path.endswith("/heartbeat"):
            beat = {"status": "OK", "db_version": self.served.version, "access_controlled_batch_ids": []}
            self._send(200, json.dumps(beat))
            return
        parameters = dict(parse_qsl(url.query))
        self.served.requests.append(parameters)
        self.served.headers = {name.lower(): value for name, value in self.headers.items()}
        self._send_with(self.served.faults.popleft() if self.served.faults else None, parameters)

    def _send_with(self, fault: str | None, parameters: dict[str, str]) -> None:
        if fault in STATUSES:
            self._send(int(fault or 0), json.dumps({"detail": "as you wish"}))
        elif fault == "drop":
            self.close_connection = True
            self.connection.close()
        elif fault in TEXTS:
            self._send(200, TEXTS[fault or ""])
        else:
            answer = self.served.answer(parameters)
            self._send(200, json.dumps(ALTERED[fault](answer) if fault in ALTERED else answer), cut=fault == "cut")

    def _send(self, status: int, text: str, *, cut: bool = False) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        if "gzip" in self.headers.get("accept-encoding", ""):
            self.send_header("Content-Encoding", "gzip")
            body = gzip.compress(body, 1)
        if status == 429:
            self.send_header("Retry-After", "0")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if cut else body)
        self.close_connection = self.close_connection or cut

    def log_message(self, *arguments: Any) -> None:
        """Say nothing."""


@contextmanager
def summary_server(documents: list[Document]) -> Iterator[SummaryServer]:
    """Serve documents on loopback."""
    served = SummaryServer(documents)
    handler = type("Handler", (_Handler,), {"served": served})
    with serving(handler) as origin:
        served.address = f"{origin}/"
        yield served
