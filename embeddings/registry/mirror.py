"""The user's side of a registry: what was fetched from it, and what its index said last."""

from __future__ import annotations

import json
import time
import warnings
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from embeddings.errors import CatalogNotFound, EmbeddingsError, RegistryInvalid, RegistryUnreachable, RegistryWarning
from embeddings.registry.address import mirror_name
from embeddings.registry.listing import LARGEST, Listing, parse_listing
from embeddings.registry.remembered import key_of
from embeddings.registry.stores import open_store
from embeddings.registry.stores.base import Absent, Content, Store
from embeddings.store.folders import write_bytes, write_text
from embeddings.store.index import INDEX, is_release, precedence
from embeddings.store.manifest import MANIFEST
from embeddings.store.outputs import make_folder
from embeddings.store.reading import read_bounded
from embeddings.store.roots import cache_folder

FOLDER = "registries"
FRESH = 300.0
"""Seconds for which an index is not asked for again, unless something is missing in it."""
_STATE = "_state.json"
_ADVICE = "Set EMBEDDINGS_CACHE to a folder of yours."


@dataclass
class State:
    """What is known of the index that is kept.

    Attributes:
        tag: names its state in the registry.
        checked: when it was last compared, in seconds since 1970.
        highest: name -> the highest default that was ever used here.
    """

    tag: str = ""
    checked: float = 0.0
    highest: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Mirror:
    """A registry and its folder in the cache, which is a root of catalogs like any other.

    Attributes:
        url: of the registry.
        key: that it must be signed with; empty if none is pinned.
        folder: in the cache.
    """

    url: str
    key: str
    folder: Path

    @classmethod
    def of(cls, url: str) -> Mirror:
        """Return the mirror of a registry; with another pinned key it is another mirror.

        Raises:
            OutputInvalid: this user has no cache.
        """
        key = key_of(url)
        return cls(url, key, cache_folder() / FOLDER / mirror_name(url, key))

    def version_folder(self, name: str, version: str) -> Path:
        """Return where a version is, or goes."""
        return self.folder / name / version

    def has(self, name: str, version: str) -> bool:
        """Whether a version was fetched."""
        return (self.version_folder(name, version) / MANIFEST).is_file()

    @property
    def tag(self) -> str:
        """Tag of the index that was read last."""
        return self._kept()[1].tag

    @property
    def parts(self) -> Path:
        """Folder of unfinished downloads, made if needed."""
        folder = self.folder / "_parts"
        make_folder(folder, advice=_ADVICE)
        return folder

    def look(self, *, refresh: bool = True) -> tuple[Listing, Store, bool]:
        """Return what the registry offers, the store that offers it, and whether it was asked just now.

        Args:
            refresh: ask even if the index is fresh. Without an answer the last index counts, with a warning.

        Raises:
            CatalogNotFound: there is no index, so this is no registry.
            RegistryInvalid: the index is too large, or none.
            RegistryUnreachable: nobody answers, and no index was kept.
        """
        saved, state = self._kept()
        store = open_store(self.url)
        if saved and not refresh and 0 <= time.time() - state.checked < FRESH:
            return saved, store.at(state.tag), False
        try:
            store = store.settle()
            content = store.read(INDEX, at_most=LARGEST, tag=state.tag if saved else "")
        except Absent:
            raise CatalogNotFound(f"{self.url} is not a registry: it has no {INDEX}.") from None
        except RegistryUnreachable as error:
            if saved is None:
                raise
            _warn(f"{error} What it offered last is used.")
            return saved, store.at(state.tag), False
        return self._keep(saved, content, state), store, True

    def last_look(self) -> tuple[Listing, Store] | None:
        """Return what the registry offered last, without asking; None if nothing is known."""
        saved, state = self._kept()
        return None if saved is None else (saved, open_store(self.url).at(state.tag))

    def check_default(self, listing: Listing, name: str) -> None:
        """Refuse a default that went back, and warn of one that is below a higher release.

        Raises:
            RegistryInvalid: an earlier default was higher.
        """
        default, state = listing.default(name), self._kept()[1]
        if default is None:
            return
        seen = state.highest.get(name, default)
        if _below(default, seen):
            raise RegistryInvalid(
                f"The default of {name} in {self.url} went back from {seen} to {default}. If its publisher says why, "
                f"ask for the version by number: {name}@{default} or {name}@{seen}."
            )
        higher = [version for version in listing.versions(name) if is_release(version) and _below(default, version)]
        if higher:
            _warn(f"The default of {name} in {self.url} is {default}, below its release {higher[-1]}.")
        if state.highest.get(name) != default:
            self._write_state(State(state.tag, state.checked, {**state.highest, name: default}))

    def _kept(self) -> tuple[Listing | None, State]:
        state, saved = State(), None
        with suppress(OSError, ValueError, TypeError):
            state = State(**json.loads(read_bounded(self.folder / _STATE, at_most=LARGEST)))
        with suppress(OSError, EmbeddingsError):
            saved = parse_listing(read_bounded(self.folder / INDEX, at_most=LARGEST), self.url)
        return saved, state

    def _keep(self, saved: Listing | None, content: Content | None, state: State) -> Listing:
        make_folder(self.folder, advice=_ADVICE)
        tag = state.tag
        if content is not None or saved is None:
            body, tag = (content.body, content.tag) if content else (b"", "")
            saved = parse_listing(body, self.url)
            write_bytes(self.folder / INDEX, body)
        self._write_state(State(tag, time.time(), state.highest))
        return saved

    def _write_state(self, state: State) -> None:
        write_text(self.folder / _STATE, json.dumps(asdict(state)))


def _below(one: str, other: str) -> bool:
    return precedence(one) < precedence(other)


def _warn(text: str) -> None:
    warnings.warn(text, RegistryWarning, stacklevel=2)
