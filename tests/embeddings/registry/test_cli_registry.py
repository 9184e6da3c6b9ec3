"""The commands push, get, registry and list --from."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from embeddings.cli import main
from testing.toys import write_toy


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_toy(tmp_path / "mine")
    monkeypatch.setenv("EMBEDDINGS_CATALOGS", str(tmp_path / "mine"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments, prog_name="embeddings")


def test_a_folder_is_an_address_as_it_is_for_push(place: Path) -> None:
    run("push", "toy", "public")
    for folder in ("./public", str(place / "public")):
        assert "toy" in run("list", "--from", folder).stdout
        assert run("get", f"{folder}/toy@0.1.0").exit_code == 0


def test_push_get_and_use(place: Path) -> None:
    pushed = run("push", "toy", "public")
    assert pushed.exit_code == 0, pushed.output
    assert pushed.stdout.startswith(f"toy@0.1.0 is now in {(place / 'public').as_uri()}\n")
    assert run("push", "toy", "public").stdout.startswith("toy@0.1.0 is already in")
    assert run("registry", "add", "lab", "public").exit_code == 0
    got = run("get", "lab:toy@0.1.0", "--json")
    document = json.loads(got.stdout)
    assert document["catalog"] == "toy@0.1.0"
    assert f"  seal     {document['seal']}\n" in pushed.stdout
    assert document["bytes"] > 0
    assert document["signature"] == {"state": "none", "key": ""}
    again = run("get", "lab:toy")
    assert again.stdout.startswith("toy@0.1.0 is already in the cache\n")
    assert "not signed: hashes show that it is whole, not who made it" in again.stdout
    assert f'load_catalog("{(place / "public").as_uri()}/toy@0.1.0")' in again.stdout
    assert run("show", "lab:toy@0.1.0").exit_code == 0
    assert run("neighbors", "lab:toy", "Fe", "-k", "1").stdout.split() == ["Co", "+0.960"]
    assert run("verify", "lab:toy").exit_code == 0


def test_list_from_a_registry(place: Path) -> None:
    run("push", "toy", "public")
    url = (place / "public").as_uri()
    assert run("list", "--from", url).stdout.splitlines()[1].split() == (
        ["toy", "0.1.0", "0.1.0", "element", "6", "2", "CC-BY-4.0", "no", "no"]
    )
    run("get", f"{url}/toy")
    assert json.loads(run("list", "--from", url, "--json").stdout)[0]["fetched"] == "0.1.0"
    assert run("list", "--from", "nobody").exit_code == 1
    assert "is not a registry" in run("list", "--from", (place / "mine" / "toy").as_uri()).stderr


def test_the_registries_that_are_remembered(place: Path) -> None:
    assert run("registry", "list").stdout == "No registry is remembered (embeddings registry add NAME URL).\n"
    run("registry", "add", "lab", "https://host/x")
    assert run("registry", "list").stdout.splitlines()[1].split() == ["lab", "https://host/x", "no", "key", "pinned"]
    assert json.loads(run("registry", "list", "--json").stdout) == {"lab": {"url": "https://host/x", "key": ""}}
    assert run("registry", "remove", "lab").stdout == "lab: https://host/x is forgotten.\n"
    assert run("registry", "remove", "lab").exit_code == 1


def test_what_a_registry_should_not_do_is_a_line_on_stderr(place: Path) -> None:
    write_toy(place / "mine", version="0.2.0")
    run("push", "toy@0.1.0", "public")
    run("push", "toy@0.2.0", "public")
    index = place / "public" / "index.json"
    index.write_text(index.read_text().replace('"default": "0.2.0"', '"default": "0.1.0"'))
    url = (place / "public").as_uri()
    got = run("get", f"{url}/toy")
    assert got.stderr == f"Warning: The default of toy in {url} is 0.1.0, below its release 0.2.0.\n"
    assert "Warning: The default of toy is 0.1.0, below 0.2.0." in run("list", "--from", url).stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("get", "toy"), "is not the address of a catalog in a registry"),
        (("get", "toy@1.0.0"), "say where it is fetched from: --from FOLDER_OR_URL"),
        (("get", "http://127.0.0.1:9/toy"), "cannot be fetched: Connection refused"),
        (("get", "x-no-such://host/toy"), "cannot be opened"),
        (("push", "toy", "http://127.0.0.1:9/"), "cannot be fetched"),
        (("push", "toy", "x", "--sign", "nowhere"), "nowhere cannot be used"),
        (("push", "toy", "x", "--zenodo"), "Zenodo needs the creators"),
        (("get", "file:///nowhere/at/all/toy"), "is not a registry"),
    ],
)
def test_refusals(arguments: tuple[str, ...], message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if "--sign" in arguments:
        pytest.importorskip("minisign")
    monkeypatch.setattr("embeddings.registry.stores.tries.pause", lambda seconds: None)
    result = run(*arguments)
    assert result.exit_code == 1, result.output
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_what_is_too_large_is_refused(place: Path) -> None:
    run("push", "toy", "public")
    url = (place / "public").as_uri()
    assert "at most 1,000 are fetched" in run("get", f"{url}/toy", "--at-most", "0.000001").stderr


def altered(content: bytes) -> bytes:
    """Return a manifest that says something else, and other numbers in a file of vectors."""
    return content.replace(b"CC-BY-4.0", b"CC-BY-3.0") if b"CC-BY" in content else content[:-1] + b"x"


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("vectors.npy", "vectors.npy is not what its manifest says: expected SHA-256 "),
        ("manifest.json", "manifest.json was altered after it was written: its seal is "),
    ],
)
def test_an_altered_version_is_named_with_its_file_and_its_registry(file: str, message: str, place: Path) -> None:
    run("push", "toy", "public")
    path = place / "public" / "toy" / "toy-0.1.0.zip"
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    files[f"toy/0.1.0/{file}"] = altered(files[f"toy/0.1.0/{file}"])
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    index = json.loads((place / "public" / "index.json").read_text())
    told = {"archive_sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "archive_bytes": path.stat().st_size}
    index["catalogs"]["toy"]["releases"]["0.1.0"].update(told)
    (place / "public" / "index.json").write_text(json.dumps(index))
    url = (place / "public").as_uri()
    got = run("get", f"{url}/toy")
    assert got.exit_code == 1
    assert got.stderr.startswith(f"Error: toy@0.1.0 in {url} was not used; tell its publisher: {message}")
    assert str(place) not in got.stderr.replace(url, "")


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("vectors.npy", "toy/0.1.0/vectors.npy in {url} should have the SHA-256 "),
        ("manifest.json", "toy@0.1.0 in {url} was not used; tell its publisher: manifest.json was altered after "),
    ],
)
def test_an_altered_version_in_a_folder_without_archives(file: str, message: str, place: Path) -> None:
    path = write_toy(place / "plain") / file
    path.write_bytes(altered(path.read_bytes()))
    url = (place / "plain").as_uri()
    got = run("get", "toy@0.1.0", "--from", "./plain")
    assert (got.exit_code, got.stderr.startswith(f"Error: {message.format(url=url)}")) == (1, True), got.stderr
    assert str(place) not in got.stderr.replace(url, "")
