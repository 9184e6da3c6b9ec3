"""What is promised when a fetch is cut, cheated, sent away, put off or killed: whole or not at all, and nothing twice.

The short run tries each fault a few times, chosen by a fixed seed; ``make faults`` makes 1,000 tries.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from embeddings.errors import EmbeddingsError
from embeddings.registry.address import parse_address
from embeddings.registry.archive import archive_path
from embeddings.registry.fetch import fetch
from embeddings.registry.origins import Fetched
from embeddings.registry.push import push
from embeddings.store.companions import COMPANIONS
from embeddings.store.integrity import read_intact
from embeddings.store.manifest import read_manifest
from testing.servers.files import Asked, FileServer, Reply, file_reply, file_server
from testing.toys import write_toy

ALL = 1_000
FEW = 4
ARCHIVE = "/" + archive_path("toy", "0.1.0")


@dataclass
class Trial:
    """One try: a registry that goes wrong, and a cache of its own.

    Attributes:
        folder: of the registry as it should be.
        draw: source of all random choices.
        left: how many more answers go wrong.
        where: path whose answers go wrong.
        spoil: makes an answer go wrong.
        process: that fetches, if it is another one.
        served: bytes of the archive that were sent.
    """

    folder: Path
    draw: random.Random
    spoil: Callable[[Trial, Reply], Reply]
    left: int = 1
    where: str = ARCHIVE
    process: int = 0
    served: int = 0
    asked: Counter[str] = field(default_factory=Counter)

    def answer(self, asked: Asked, content: bytes) -> Reply:
        """Answer a request, wrongly while that is due."""
        reply = file_reply(self.folder, asked)
        self.asked[asked.path] += 1
        if asked.path == self.where and self.left > 0:
            self.left -= 1
            reply = self.spoil(self, reply)
        if asked.path == ARCHIVE:
            self.served += len(reply.body) if reply.sent is None else max(0, min(reply.sent, len(reply.body)))
        return reply


def drop(trial: Trial, reply: Reply) -> Reply:
    """Close the connection after some bytes, or before the first."""
    reply.sent = trial.draw.randrange(-1, max(1, len(reply.body)))
    return reply


def truncate(trial: Trial, reply: Reply) -> Reply:
    """Send less, and say so."""
    reply.body = reply.body[: trial.draw.randrange(len(reply.body) or 1)]
    return reply


def flip(trial: Trial, reply: Reply) -> Reply:
    """Change a bit."""
    at = trial.draw.randrange(len(reply.body) or 1)
    reply.body = reply.body[:at] + bytes([reply.body[at] ^ 1]) + reply.body[at + 1 :] if reply.body else b"x"
    return reply


def lengthen(trial: Trial, reply: Reply) -> Reply:
    """Send more than there is, and sometimes say so."""
    reply.headers |= {} if trial.draw.random() < 0.5 else {"Content-Length": str(len(reply.body))}
    reply.body += bytes(trial.draw.randrange(1, 100_000))
    return reply


def later(trial: Trial, reply: Reply) -> Reply:
    """Ask to come back later."""
    wait = trial.draw.choice(
        [{}, {"Retry-After": "0"}, {"Retry-After": "soon"}, {"Retry-After": "99999999999999999999"}]
    )
    return Reply(trial.draw.choice([429, 500, 502, 503, 504, 408]), wait, b"not now")


def elsewhere(trial: Trial, reply: Reply) -> Reply:
    """Lead to the same file, to another one, to nothing, or to a file of the reader."""
    to = trial.draw.choice(
        [ARCHIVE + "?", "/index.json", "/nothing", "file:///etc/hostname", "http://127.0.0.1:9/x", ""]
    )
    return Reply(trial.draw.choice([301, 302, 307, 308]), {"Location": to})


def absent(trial: Trial, reply: Reply) -> Reply:
    """Say that there is no such file, or that it is not for everybody."""
    return Reply(trial.draw.choice([404, 410, 403, 401]))


def misplace(trial: Trial, reply: Reply) -> Reply:
    """Break off, and then send another part than was asked for."""
    if reply.status != 206:
        trial.left += 1
        return drop(trial, reply)
    whole = (trial.folder / ARCHIVE[1:]).read_bytes()
    if trial.draw.random() < 0.5:
        return Reply(200, {}, whole)
    return Reply(206, {"Content-Range": f"bytes 1-{len(whole) - 1}/{len(whole)}"}, whole[1:])


def change(trial: Trial, reply: Reply) -> Reply:
    """Publish a new version, or (which is not allowed) other content, while somebody reads."""
    other = trial.folder.parent / trial.draw.choice(["newer", "altered"])
    shutil.copytree(other, trial.folder, dirs_exist_ok=True)
    return drop(trial, reply) if trial.draw.random() < 0.5 else reply


def kill(trial: Trial, reply: Reply) -> Reply:
    """Kill the reader after some bytes."""
    reply.sent = trial.draw.randrange(-1, len(reply.body) + 1)
    if trial.process:
        pid = trial.process
        reply.before_close = lambda: os.kill(pid, signal.SIGKILL)
    return reply


FAULTS = [drop, truncate, flip, lengthen, later, elsewhere, absent, misplace, change]


@pytest.fixture(scope="module")
def registries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three registries: as it is, with a newer version, and with other content under the same version."""
    root = tmp_path_factory.mktemp("registries")
    folder = write_toy(root / "mine")
    push(folder, (root / "good").as_uri())
    push(folder, (root / "newer").as_uri())
    push(write_toy(root / "mine", version="0.2.0"), (root / "newer").as_uri())
    push(write_toy(root / "theirs", description="Another content."), (root / "altered").as_uri())
    return root


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("embeddings.registry.stores.tries.pause", lambda seconds: None)
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def n_tries(share: int) -> int:
    return ALL // share if os.environ.get("FAULTS_ALL_STEPS") else FEW


@pytest.fixture
def fresh(tmp_path: Path, registries: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Path]:
    """Make a new copy of the good registry and an empty cache."""
    count = iter(range(10_000))

    def make() -> Path:
        home = tmp_path / str(next(count))
        for name in ("good", "newer", "altered"):
            shutil.copytree(registries / name, home / name)
        monkeypatch.setenv("EMBEDDINGS_CACHE", str(home / "cache"))
        return home

    return make


def visible(home: Path) -> Iterator[Path]:
    """Yield the versions that a reader sees in the cache."""
    for path in (home / "cache").rglob("manifest.json"):
        if not any(part.startswith(".") for part in path.relative_to(home).parts):
            yield path.parent


def try_once(server: FileServer) -> Fetched | EmbeddingsError:
    try:
        return fetch(parse_address(f"{server.origin}/toy@0.1.0"))
    except EmbeddingsError as error:
        return error


def contents(folder: Path) -> dict[str, bytes]:
    """Return the files of a version, without what is published beside them for the tools of others."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name not in COMPANIONS}


def check(home: Path, trial: Trial, server: FileServer) -> str:
    """Fetch with a fault and then without; return what went wrong."""
    first = try_once(server)
    for folder in visible(home):
        read_intact(folder, read_manifest(folder))
    if isinstance(first, EmbeddingsError) and list(visible(home)):
        return f"a version is there, though: {first}"
    trial.left = 0
    for again in (False, True):
        before = trial.asked[ARCHIVE]
        second = try_once(server)
        if isinstance(second, EmbeddingsError):
            return f"again: {second}"
        whole = [contents(home / name / "toy" / "0.1.0") for name in ("newer", "altered")]
        if contents(second.folder) not in whole:
            return "it has another content"
        if (again or isinstance(first, Fetched)) and trial.asked[ARCHIVE] > before:
            return "it was fetched again though it was there"
    n_bytes = (home / "good" / ARCHIVE[1:]).stat().st_size
    if trial.spoil is drop and trial.served > n_bytes:
        return f"{trial.served - n_bytes} bytes were fetched twice"
    return ""


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_fetch_that_goes_wrong(fault: Callable[[Trial, Reply], Reply], fresh: Callable[[], Path]) -> None:
    """One named error or a whole version; the next try ends well, and goes on from where this one ended."""
    wrong = []
    for seed in range(n_tries(len(FAULTS) + 1)):
        home, draw = fresh(), random.Random(f"{fault.__name__} {seed}")
        trial = Trial(home / "good", draw, fault, left=draw.choice([1, 1, 2, 3, 99]))
        trial.where = "/index.json" if draw.random() < 0.2 else ARCHIVE
        with file_server(trial.answer) as server:
            wrong += [f"seed {seed}: {what}" for what in [check(home, trial, server)] if what]
    assert wrong == []


@pytest.mark.skipif(sys.platform == "win32", reason="forks")
def test_a_fetch_that_is_killed(fresh: Callable[[], Path]) -> None:
    """Nothing half is seen, and the next fetch goes on with what arrived."""
    wrong = []
    for seed in range(n_tries(len(FAULTS) + 1)):
        home, draw = fresh(), random.Random(f"kill {seed}")
        trial = Trial(home / "good", draw, kill)
        with file_server(trial.answer) as server:
            ready = multiprocessing.get_context("fork").Event()
            child = multiprocessing.get_context("fork").Process(target=_fetch_when, args=(ready, server.origin))
            child.start()
            trial.process = child.pid or 0
            ready.set()
            child.join(60)
            for folder in visible(home):
                read_intact(folder, read_manifest(folder))
            if child.exitcode != -signal.SIGKILL:
                wrong.append(f"seed {seed}: it lived, {child.exitcode}")
            wrong += [f"seed {seed}: {what}" for what in [check(home, trial, server)] if what]
    assert wrong == []


def _fetch_when(ready: object, origin: str) -> None:
    ready.wait(60)  # type: ignore[attr-defined]
    fetch(parse_address(f"{origin}/toy@0.1.0"))


@pytest.mark.skipif(sys.platform == "win32", reason="forks")
def test_readers_at_once_fetch_it_once(fresh: Callable[[], Path]) -> None:
    home = fresh()
    trial = Trial(home / "good", random.Random(0), drop, left=0)
    context = multiprocessing.get_context("fork")
    with file_server(trial.answer) as server:
        ready = context.Event()
        children = [context.Process(target=_fetch_when, args=(ready, server.origin)) for _ in range(4)]
        for child in children:
            child.start()
        ready.set()
        for child in children:
            child.join(60)
        assert [child.exitcode for child in children] == [0] * 4
        assert trial.asked[ARCHIVE] == 1
