"""How this library was installed: what brings an extra, and whether another distribution took its name."""

from __future__ import annotations

import json
import shlex
import sys
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

DISTRIBUTION = "materials-embeddings"

_PACKAGE = Path(__file__).resolve().parent
_WITH_TORCH = frozenset(("all", "backends", "build", "mp", "sources", "starter", "torch"))
_CPU_INDEX = "https://download.pytorch.org/whl/cpu"


def install_hint(extra: str) -> str:
    """Return how to install an extra, in the way that the library itself was installed.

    A clone names its path, a wheel or repository its address, and an index the name of the distribution.

    Args:
        extra: one of the optional dependencies in pyproject.toml.
    """
    hint = f"pip install {_requirement(extra)}"
    if extra in _WITH_TORCH and sys.platform == "linux" and find_spec("torch") is None:
        hint += f" (without an NVIDIA GPU, first: pip install torch --index-url {_CPU_INDEX})"
    return hint


def environment_hint(name: str, extra: str, *packages: str) -> str:
    """Return how to make an environment that has this library with an extra, and packages that others may not suit.

    Args:
        name: of its folder.
        extra: one of the optional dependencies in pyproject.toml.
        packages: requirements, such as ``"chgnet==0.4.2"``.
    """
    wanted = " ".join([_requirement(extra), *map(shlex.quote, packages)])
    return f"uv venv {name} && uv pip install --python {name} --torch-backend auto {wanted}"


def _requirement(extra: str) -> str:
    clone = _PACKAGE.parent
    if (clone / "pyproject.toml").is_file():
        return "-e " + shlex.quote(f"{clone}[{extra}]")
    address = _address()
    return shlex.quote(f"{DISTRIBUTION}[{extra}]" + (f" @ {address}" if address else ""))


def _address() -> str | None:
    """Return where pip took this package from; None for an index, or where nobody knows."""
    try:
        found = metadata.distribution(DISTRIBUTION)
        if Path(str(found.locate_file(_PACKAGE.name))).resolve() != _PACKAGE:
            return None
        origin = json.loads(found.read_text("direct_url.json") or "{}")
        vcs = origin.get("vcs_info")
        return f"{vcs['vcs']}+{origin['url']}@{vcs['commit_id']}" if vcs else origin.get("url")
    except (metadata.PackageNotFoundError, OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def namesake() -> str | None:
    """Return what to do about another distribution called `embeddings` that shares our folder; None without one."""
    try:
        other = metadata.distribution(_PACKAGE.name)
    except metadata.PackageNotFoundError:
        return None
    if Path(str(other.locate_file(_PACKAGE.name))).resolve() != _PACKAGE:
        return None
    return (
        f"{other.name} {other.version} and {DISTRIBUTION} are both installed in {_PACKAGE}, and each replaces files of "
        f"the other. Keep them apart: pip uninstall {other.name}, then install {DISTRIBUTION} again with "
        "--force-reinstall --no-deps."
    )
