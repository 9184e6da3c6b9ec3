"""Registries that the user remembers by a short name, each with the key that its publisher signs with."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import platformdirs

from embeddings.display.text import shortened
from embeddings.errors import CatalogNotFound, InputInvalid, OutputInvalid, did_you_mean
from embeddings.registry.address import registry_url
from embeddings.registry.locks import locked
from embeddings.store.folders import write_text
from embeddings.store.home import APPLICATION
from embeddings.store.outputs import make_folder
from embeddings.store.reading import read_bounded, why

ENV_CONFIG = "EMBEDDINGS_CONFIG"
FILE = "registries.json"
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{1,49}")
_KEY = re.compile(r"RW[A-Za-z0-9+/]{54}")
_LARGEST = 1_000_000


@dataclass(frozen=True)
class Remembered:
    """A registry.

    Attributes:
        url: of the registry.
        key: that it must be signed with, in the base64 of minisign; empty if none is pinned.
    """

    url: str
    key: str = ""


def config_file() -> Path:
    """Return the file of the registries; `EMBEDDINGS_CONFIG` moves its folder.

    Raises:
        OutputInvalid: this user has no home, and no folder was chosen.
    """
    folder = os.environ.get(ENV_CONFIG) or platformdirs.user_config_dir(APPLICATION, appauthor=False)
    if str(folder).startswith("~"):
        raise OutputInvalid(f"This user has no home folder. Set {ENV_CONFIG} to a folder that you own.")
    return Path(folder) / FILE


def list_remembered() -> dict[str, Remembered]:
    """Return name -> registry, sorted by name.

    Raises:
        InputInvalid: the file cannot be read.
    """
    path = config_file()
    try:
        document = json.loads(read_bounded(path, at_most=_LARGEST))
        return {name: _checked(name, **facts) for name, facts in sorted(document.items())}
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        reason = why(error) if isinstance(error, OSError) else error
        raise InputInvalid(f"{path} cannot be read ({reason}). Repair it, or delete it.") from error


def recall(name: str) -> Remembered:
    """Return one registry.

    Raises:
        CatalogNotFound: none is remembered by this name.
    """
    known = list_remembered()
    if name not in known:
        there = f"Remembered: {', '.join(known)}." if known else "None is remembered."
        raise CatalogNotFound(
            f'No registry "{shortened(name)}".{did_you_mean(name, known)} {there} (embeddings registry add NAME URL)'
        )
    return known[name]


def key_of(url: str) -> str:
    """Return the key that the registry at a URL must be signed with; empty if none is pinned.

    Raises:
        InputInvalid: it is remembered twice, with two keys.
    """
    keys = {registry.key for registry in list_remembered().values() if registry.url == url and registry.key}
    if len(keys) > 1:
        raise InputInvalid(
            f"{url} is remembered with two keys. Remove one of its names (see embeddings registry list)."
        )
    return next(iter(keys), "")


def remember(name: str, url: str, key: str = "") -> Remembered:
    """Remember a registry, in place of one of the same name and URL.

    Args:
        name: a short one, used as ``name:catalog``.
        url: of the registry.
        key: the publisher's public key, in the base64 of minisign; empty to pin none.

    Raises:
        InputInvalid: a name, a URL or a key that cannot be one, or a name that means another registry.
        OutputInvalid: the file cannot be written.
    """
    added = _checked(name, registry_url(url), key)
    with _changing() as known:
        earlier = known.get(name)
        if earlier and (earlier.url != added.url or (earlier.key and earlier.key != added.key)):
            raise InputInvalid(
                f'"{name}" is {earlier.url}' + (f" with the key {earlier.key}" if earlier.key else "") + ". Remove it "
                f"first (embeddings registry remove {name}), or choose another name."
            )
        _write({**known, name: added})
    return added


def forget(name: str) -> Remembered:
    """Forget a registry, and return what it was.

    Raises:
        CatalogNotFound: none is remembered by this name.
        OutputInvalid: the file cannot be written.
    """
    gone = recall(name)
    with _changing() as known:
        _write({other: registry for other, registry in known.items() if other != name})
    return gone


@contextmanager
def _changing() -> Iterator[dict[str, Remembered]]:
    """Hold the file while it changes, and give what is in it."""
    path = config_file()
    make_folder(path.parent, advice=f"Set {ENV_CONFIG} to a folder that you own.")
    with locked(path.with_name(f".{FILE}.lock")):
        yield list_remembered()


def _write(known: Mapping[str, Remembered]) -> None:
    document = {name: asdict(known[name]) for name in sorted(known)}
    write_text(config_file(), json.dumps(document, indent=2) + "\n")


def _checked(name: str, url: str, key: str = "") -> Remembered:
    if not _NAME.fullmatch(name):
        raise InputInvalid(
            f'"{shortened(name)}" cannot be the name of a registry: use 2 to 50 lower-case letters, digits and "-".'
        )
    if key and not _KEY.fullmatch(key):
        raise InputInvalid(
            f'"{shortened(key)}" is not a public key of minisign, which begins with RW and has 56 letters.'
        )
    return Remembered(registry_url(url), key)
