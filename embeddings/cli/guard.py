"""Every command that writes calls this first, so that nothing it reads is overwritten, truncated or removed."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from embeddings.store import roots as store
from embeddings.store.index import INDEX
from embeddings.store.outputs import Output, StrPath, check_outputs

_GIVEN = ("path", "about", "api_key_file")


def guard(*outputs: Output, inputs: Iterable[StrPath | None] = (), catalogs: Iterable[StrPath] = ()) -> None:
    """Check the outputs of a command against everything that it reads.

    Args:
        outputs: everything that it writes, see `embeddings.store.outputs.Output`.
        inputs: files and folders that it reads; None and missing ones are ignored.
        catalogs: names or folders of the catalogs that it reads; nothing may be added to them.

    Raises:
        CatalogNotFound: no catalog goes by a name.
        OutputInvalid: an output would touch an input, or cannot be written.
    """
    folders = [store.resolve(name) for name in catalogs]
    indices = [folder.parent.parent / INDEX for folder in folders]
    is_file = all(output.kind == "file" for output in outputs)
    check_outputs(outputs, inputs=[*inputs, *(indices if is_file else ())], sealed=folders)


def guard_source(
    *outputs: Output, options: dict[str, Any], inputs: Iterable[StrPath] = (), catalogs: Iterable[StrPath] = ()
) -> None:
    """Check the outputs of a command that reads structures against everything it reads.

    Raises:
        CatalogNotFound: no catalog goes by a name.
        OutputInvalid: an output would touch an input, or cannot be written.
    """
    snapshot: Path | None = options.get("snapshot")
    guard(*outputs, inputs=[*inputs, *(options[name] for name in _GIVEN)], catalogs=catalogs)
    check_outputs(outputs, inputs=(), sealed=[snapshot] if snapshot else [])


def lock_of(folder: Path) -> Output:
    """Return the lock file beside a folder in which only one process may work."""
    whole = folder.resolve()
    return Output(whole.parent / f".{whole.name}.lock", "the lock file", "scratch")
