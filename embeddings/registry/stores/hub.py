"""A registry in a dataset repository of the HuggingFace Hub: read at one commit, published in one commit.

`huggingface_hub` knows addresses, tokens and commits. Files are fetched like any others on the web, so that limits,
resumed downloads and hashes are the same everywhere; the token goes to the Hub and to no other host.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from embeddings.errors import OutputInvalid, RegistryUnreachable, needs
from embeddings.registry.stores.base import Advance, Changes, Content, Overtaken
from embeddings.registry.stores.web import WebStore

_COMMIT = re.compile(r"[0-9a-f]{40}")
_TYPE = "dataset"


class HubStore:
    """Files of a repository, ``hf://org/repo``, ``hf://org/repo@revision`` or a folder below."""

    def __init__(self, url: str, commit: str = "") -> None:
        self.url, self.commit = url, commit
        org, repo, *folders = url.removeprefix("hf://").split("/")
        repo, _, self.revision = repo.partition("@")
        self.repo, self._prefix = f"{org}/{repo}", "/".join(folders)

    @cached_property
    def _library(self) -> Any:
        with needs("huggingface_hub", "hub"):
            import huggingface_hub
        return huggingface_hub

    @cached_property
    def _api(self) -> Any:
        return self._library.HfApi()

    def settle(self) -> HubStore:
        """Return the repository as it is now: at one commit."""
        if _COMMIT.fullmatch(self.revision):
            return self.at(self.revision)
        try:
            info = self._api.dataset_info(self.repo, revision=self.revision or None)
        except Exception as error:  # its HTTP library differs from version to version
            raise self._unreachable(error) from error
        return self.at(str(info.sha))

    def at(self, tag: str) -> HubStore:
        """Return the repository at a commit."""
        return HubStore(self.url, tag)

    def read(self, path: str, *, at_most: int, tag: str = "") -> Content | None:
        """Return a small file; at the commit of the tag, nothing is asked."""
        if tag and tag == self.commit:
            return None
        content = self._web().read(path, at_most=at_most)
        return None if content is None else Content(content.body, self.commit)

    def download(self, path: str, part: Path, n_bytes: int, advance: Advance) -> None:
        """Fetch what a part lacks; see `Store`."""
        self._web().download(path, part, n_bytes, advance)

    def write(self, changes: Changes) -> None:
        """Publish a version in one commit on top of the one that its index was read from."""
        files: dict[str, bytes | Path] = {f"{changes.prefix}/{name}": path for name, path in changes.folder.items()}
        files |= {**changes.beside, "index.json": changes.index}
        operations = [
            self._library.CommitOperationAdd(self._place(path), str(body) if isinstance(body, Path) else body)
            for path, body in files.items()
        ]
        try:
            with self._bars_for_people():
                self._api.create_commit(
                    self.repo, operations, commit_message=changes.message, repo_type=_TYPE,
                    revision=self.revision or None, parent_commit=self.commit or None,
                )  # fmt: skip
        except Exception as error:  # its HTTP library differs from version to version
            if _status(error) == 412:
                raise Overtaken from error
            raise OutputInvalid(
                f"{self.url} cannot be written: {error} Log in with a token that has write access."
            ) from error

    @contextmanager
    def _bars_for_people(self) -> Iterator[None]:
        """Let the library draw its progress bars only if somebody is looking."""
        bars = self._library.utils
        is_drawn = sys.stderr.isatty() or bars.are_progress_bars_disabled()
        if not is_drawn:
            bars.disable_progress_bars()
        try:
            yield
        finally:
            if not is_drawn:
                bars.enable_progress_bars()

    def _web(self) -> WebStore:
        headers = self._library.utils.build_hf_headers()
        return WebStore(self.url, {k: v for k, v in headers.items() if k.lower() != "user-agent"}, self._address)

    def _address(self, path: str) -> str:
        address: str = self._library.hf_hub_url(
            self.repo, self._place(path), repo_type=_TYPE, revision=self.commit or None, endpoint=self._api.endpoint
        )
        return address

    def _place(self, path: str) -> str:
        return f"{self._prefix}/{path}" if self._prefix else path

    def _unreachable(self, error: Exception) -> Exception:
        status = _status(error)
        if status in (401, 403, 404):
            return RegistryUnreachable(
                f"There is no dataset repository {self.repo}"
                + (f" with a revision {self.revision}" if self.revision else "")
                + f" that you may read on {self._api.endpoint} ({status}). Create it there, or log in (hf auth login)."
            )
        return RegistryUnreachable(
            f"{self._api.endpoint} does not answer for {self.repo}: {str(error) or type(error).__name__}."
        )


def _status(error: Exception) -> int | None:
    return getattr(getattr(error, "response", None), "status_code", None)
