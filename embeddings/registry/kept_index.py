"""What a registry offers, and what it offered last: its index, asked for as seldom as can be."""

from __future__ import annotations

import json
import time
import warnings
from contextlib import suppress
from dataclasses import asdict, dataclass, field

from embeddings.errors import CatalogNotFound, EmbeddingsError, RegistryInvalid, RegistryUnreachable, RegistryWarning
from embeddings.registry.listing import LARGEST, Listing, parse_listing
from embeddings.registry.mirror import ADVICE, Mirror
from embeddings.registry.stores import open_store
from embeddings.registry.stores.base import Absent, Content, Store
from embeddings.store.folders import write_bytes, write_text
from embeddings.store.index import INDEX, is_release, precedence
from embeddings.store.outputs import make_folder
from embeddings.store.reading import read_bounded

FRESH = 300.0
"""Seconds for which an index is not asked for again, unless something is missing in it."""
_STATE = "_state.json"


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
class KeptIndex:
    """The index of a registry, as its mirror keeps it.

    Attributes:
        mirror: of the registry.
    """

    mirror: Mirror

    @property
    def tag(self) -> str:
        """Tag of the index that was read last."""
        return self._kept()[1].tag

    def look(self, *, refresh: bool = True, anew: bool = False) -> tuple[Listing, Store, bool]:
        """Return what the registry offers, the store that offers it, and whether the index came just now, whole.

        Args:
            refresh: ask even if the index is fresh. Without an answer the last index counts, with a warning.
            anew: fetch the index even if the registry would say that it is the same: it may have come with an error.

        Raises:
            CatalogNotFound: there is no index, so this is no registry.
            RegistryInvalid: the index is too large, or none.
            RegistryUnreachable: nobody answers, and no index was kept.
        """
        saved, state = self._kept()
        store = open_store(self.mirror.url)
        if saved and not refresh and 0 <= time.time() - state.checked < FRESH:
            return saved, store.at(state.tag), False
        try:
            store = store.settle()
            content = store.read(INDEX, at_most=LARGEST, tag=state.tag if saved and not anew else "")
        except Absent:
            raise CatalogNotFound(f"{self.mirror.url} is not a registry: it has no {INDEX}.") from None
        except RegistryUnreachable as error:
            if saved is None:
                raise
            _warn(f"{error} What it offered last is used.")
            return saved, store.at(state.tag), False
        return self._keep(saved, content, state), store, content is not None

    def last_look(self) -> tuple[Listing, Store] | None:
        """Return what the registry offered last, without asking; None if nothing is known."""
        saved, state = self._kept()
        return None if saved is None else (saved, open_store(self.mirror.url).at(state.tag))

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
                f"The default of {name} in {self.mirror.url} went back from {seen} to {default}. If its publisher "
                f"says why, ask for the version by number: {name}@{default} or {name}@{seen}."
            )
        higher = [version for version in listing.versions(name) if is_release(version) and _below(default, version)]
        if higher:
            _warn(f"The default of {name} in {self.mirror.url} is {default}, below its release {higher[-1]}.")
        if state.highest.get(name) != default:
            self._write_state(State(state.tag, state.checked, {**state.highest, name: default}))

    def _kept(self) -> tuple[Listing | None, State]:
        state, saved = State(), None
        with suppress(OSError, ValueError, TypeError):
            state = State(**json.loads(read_bounded(self.mirror.folder / _STATE, at_most=LARGEST)))
        with suppress(OSError, EmbeddingsError):
            saved = parse_listing(read_bounded(self.mirror.folder / INDEX, at_most=LARGEST), self.mirror.url)
        return saved, state

    def _keep(self, saved: Listing | None, content: Content | None, state: State) -> Listing:
        make_folder(self.mirror.folder, advice=ADVICE)
        tag = state.tag
        if content is not None or saved is None:
            body, tag = (content.body, content.tag) if content else (b"", "")
            saved = parse_listing(body, self.mirror.url)
            write_bytes(self.mirror.folder / INDEX, body)
        self._write_state(State(tag, time.time(), state.highest))
        return saved

    def _write_state(self, state: State) -> None:
        write_text(self.mirror.folder / _STATE, json.dumps(asdict(state)))


def _below(one: str, other: str) -> bool:
    return precedence(one) < precedence(other)


def _warn(text: str) -> None:
    warnings.warn(text, RegistryWarning, stacklevel=2)
