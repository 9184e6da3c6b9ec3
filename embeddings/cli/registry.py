"""Commands for registries: publish a version, fetch one, and remember where others publish."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from embeddings.cli.guard import guard
from embeddings.cli.printing import as_json_option, print_json, print_line, print_table
from embeddings.cli.progress import progress
from embeddings.cli.types import Finite
from embeddings.errors import InputInvalid
from embeddings.store import roots as store
from embeddings.store.outputs import Output, check_lasting

if TYPE_CHECKING:
    from embeddings.registry.origins import Fetched

PASSWORD = "EMBEDDINGS_SIGNING_PASSWORD"


@click.command()
@click.argument("name")
@click.argument("registry")
@click.option("--sign", "key_file", type=click.Path(path_type=Path), help="Secret key of minisign to sign with.")
@click.option("--zenodo", is_flag=True, help="Instead, fill the folder REGISTRY with what a deposit on Zenodo needs.")
@click.option("--creator", "creators", multiple=True, help='With --zenodo: a creator, "Family, Given"; repeatable.')
@as_json_option
def push(
    name: str, registry: str, key_file: Path | None, zenodo: bool, creators: tuple[str, ...], as_json: bool
) -> None:
    r"""Publish a version of a catalog in a registry.

    NAME is a name, name@version, or the path of a version's folder. REGISTRY is a folder, s3://bucket/folder,
    hf://org/repo (a dataset repository on the HuggingFace Hub), or a URL of another scheme that fsspec knows.

    Every byte is verified first. The index of the registry names the version last, so nobody sees half of it. Pushing
    the same version again changes nothing; if the registry holds other content under its name and version, the push
    fails.

    If the key has a password, set EMBEDDINGS_SIGNING_PASSWORD.

    \b
    Example:
      embeddings push starter ~/public
      embeddings push ct-multi@5.0.0 hf://my-group/embeddings --sign minisign.key
    """
    from embeddings.registry.address import folder_url, is_url, registry_url
    from embeddings.registry.push import push as publish

    folder = store.resolve(name)
    if zenodo:
        if key_file:
            raise click.UsageError("--sign goes with a registry, not with --zenodo.")
        _deposit(folder, Path(registry), creators, as_json)
        return
    if creators:
        raise click.UsageError("--creator goes with --zenodo.")
    url = registry_url(registry) if is_url(registry) else folder_url(registry)
    if is_url(registry):
        check_lasting(url)
    else:
        guard(Output(Path(os.path.expanduser(registry)), "the registry", "folder"), inputs=[key_file], catalogs=[name])
    pushed = publish(folder, url, key_file=key_file, password=os.environ.get(PASSWORD))
    facts = {
        "seal": pushed.seal,
        "archive": f"{pushed.archive_bytes:,} bytes",
        "signed": "yes" if pushed.is_signed else "no",
        "load it": f'load_catalog("{pushed.url}/{pushed.identity}")',
    }
    if as_json:
        print_json(vars(pushed))
        return
    print_line(f"{pushed.identity} is {'now' if pushed.is_new else 'already'} in {pushed.url}")
    print_table(list(facts.items()), indent="  ")


def _deposit(folder: Path, out: Path, creators: tuple[str, ...], as_json: bool) -> None:
    from embeddings.registry.zenodo import write_deposit

    guard(Output(out, "the deposit", "folder"), catalogs=[folder])
    files = write_deposit(folder, out, creators)
    if as_json:
        print_json({"folder": str(out), "files": files})
    else:
        print_line(f"{out}: {', '.join(files)}")
        print_line("Upload all files but deposit.json to a new deposit; deposit.json is the body of the API's request.")


@click.command()
@click.argument("address")
@click.option(
    "--from", "place", help="Registry to fetch from if ADDRESS is only a name: its URL, folder, or remembered name."
)
@click.option(
    "--at-most", type=Finite(0, 1e9), default=4.0, show_default=True, help="Refuse a version larger than this, in GB."
)
@as_json_option
def get(address: str, place: str | None, at_most: float, as_json: bool) -> None:
    r"""Fetch a version from a registry into the cache, or check that the cached one is the registry's.

    ADDRESS is REGISTRY/NAME or REGISTRY/NAME@VERSION, where REGISTRY is a folder or URL as for embeddings push, or
    https://. With a registry that you added with embeddings registry add, it is REMEMBERED:NAME@VERSION. load_uae takes
    the same addresses and fetches by itself; it never requests a version again that is in the cache.

    An older version of one of our catalogs is recognized by its seal: from whichever registry you fetched it, its bare
    name and version load it.

    \b
    Example:
      embeddings get hf://my-group/embeddings/my-vectors@1.0.0
      embeddings get ct-multi@2.0.0 --from ~/materials-embeddings/released
    """
    from embeddings.registry.address import is_address, is_folder, parse_address
    from embeddings.registry.fetch import fetch
    from embeddings.store.manifest import read_manifest

    if place is not None:
        address = _joined(address, place)
    if not is_address(address) and not is_folder(address):
        raise InputInvalid(
            f'"{address[:200]}" is not the address of a catalog in a registry, such as hf://org/repo/ct-multi@5.0.0. '
            "If it is a name, say where it is fetched from: --from FOLDER_OR_URL."
        )
    with progress("Fetching", lambda: 1, quiet=as_json) as advance:
        fetched = fetch(parse_address(address), refresh=True, at_most=int(at_most * 1e9), advance=advance)
    facts = {
        "seal": read_manifest(fetched.folder).manifest_sha256,
        "folder": str(fetched.folder),
        "from": fetched.url,
        "state": fetched.tag or "unknown",
        "signature": str(fetched.signed),
        "fetched": fetched.fetched or "unknown",
    }
    if as_json:
        print_json({"catalog": fetched.identity, **facts, "signature": vars(fetched.signed), "bytes": fetched.n_bytes})
        return
    print_line(f"{fetched.identity} is {'now' if fetched.n_bytes else 'already'} in the cache")
    print_table([*facts.items(), ("load it", f'load_catalog("{_loads(fetched)}")')], indent="  ")


def _joined(name: str, place: str) -> str:
    """Return the address of a catalog in a registry: a URL, a folder, or a name that is remembered.

    Raises:
        InputInvalid: the name is an address already.
    """
    from embeddings.registry.address import is_folder, is_url

    if "/" in name or ":" in name:
        raise InputInvalid(
            f'"{name[:200]}" already says where the catalog is. Use --from with a bare name, such as ct-multi@2.0.0.'
        )
    if is_url(place) or is_folder(place):
        return f"{place.rstrip('/')}/{name}"
    return f"{os.path.abspath(place)}/{name}" if os.path.isdir(place) else f"{place}:{name}"


def _loads(fetched: Fetched) -> str:
    """Return the shortest name that loads what was fetched: the bare one, if it is a release of ours."""
    name, _, version = fetched.identity.partition("@")
    return fetched.identity if version in store.released().get(name, {}) else f"{fetched.url}/{fetched.identity}"


@click.group()
def registry() -> None:
    r"""Give registries short names, and pin the keys that their publishers sign with.

    The address of a catalog is then REMEMBERED:NAME, as in load_uae("lab:ct-multi"). Bare names are never looked up in
    a remembered registry; to search a registry for bare names, put its URL into EMBEDDINGS_CATALOGS.

    \b
    Example:
      embeddings registry add lab https://example.org/embeddings
    """


@registry.command("add")
@click.argument("name")
@click.argument("url")
@click.option("--key", default="", help="Public key of minisign; versions that are not signed with it are refused.")
def add(name: str, url: str, key: str) -> None:
    r"""Remember a registry: a URL, or a folder.

    \b
    Example:
      embeddings registry add lab s3://bucket/embeddings --key RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3
    """
    from embeddings.registry.address import folder_url, is_url
    from embeddings.registry.remembered import remember

    added = remember(name, url if is_url(url) else folder_url(url), key)
    print_line(f"{name}: {added.url}, {_pinned(added.key)}")


@registry.command("list")
@as_json_option
def list_command(as_json: bool) -> None:
    r"""List the registries that you remember.

    \b
    Example:
      embeddings registry list
    """
    from embeddings.registry.remembered import list_remembered

    known = list_remembered()
    if as_json:
        print_json({name: vars(one) for name, one in known.items()})
    elif known:
        print_table([("name", "URL", "key"), *((name, one.url, _pinned(one.key)) for name, one in known.items())])
    else:
        print_line("No registry is remembered (embeddings registry add NAME URL).")


@registry.command("remove")
@click.argument("name")
def remove(name: str) -> None:
    r"""Forget a registry. What was fetched from it stays in the cache.

    \b
    Example:
      embeddings registry remove lab
    """
    from embeddings.registry.remembered import forget

    print_line(f"{name}: {forget(name).url} is forgotten.")


def _pinned(key: str) -> str:
    return f"key {key}" if key else "no key pinned"
