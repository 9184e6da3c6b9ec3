"""Web servers on loopback that answer as a function of the test says, and keep what they were asked."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from testing.servers.loopback import serving


@dataclass
class Asked:
    """A request: path with its query, and headers in lower case."""

    path: str
    headers: dict[str, str]


@dataclass
class Answer:
    """What is sent back; `body` as JSON."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None


@dataclass
class ScriptedServer:
    """Attributes: origin, such as ``http://127.0.0.1:1234``; the requests that came; and what answers them."""

    origin: str
    answer: Callable[[Asked], Answer]
    asked: list[Asked] = field(default_factory=list)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.origin.rpartition(":")[2])

    @property
    def everything(self) -> str:
        """All that it was told."""
        return json.dumps([[asked.path, asked.headers] for asked in self.asked])


@contextmanager
def scripted_server(answer: Callable[[Asked], Answer] = lambda asked: Answer()) -> Iterator[ScriptedServer]:
    """Serve until the end of the block."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked = Asked(self.path, {name.lower(): value for name, value in self.headers.items()})
            served.asked.append(asked)
            answered = served.answer(asked)
            body = b"" if answered.body is None else json.dumps(answered.body).encode()
            self.send_response(answered.status)
            for name, value in answered.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: Any) -> None:
            """Say nothing."""

    with serving(Handler) as origin:
        served = ScriptedServer(origin, answer)
        yield served
