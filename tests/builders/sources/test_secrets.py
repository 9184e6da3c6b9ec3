"""A key or password is sent to the service that the user named and to nobody else, and is written nowhere."""

from __future__ import annotations

import base64
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import pytest

from builders.methods.crystal_transformer.recipes import RECIPES
from builders.pipeline import BuildRequest
from builders.provenance import command_line
from builders.sources import SourceOptions, optimade
from builders.sources.addresses import origin_of, parse_address, without_secrets
from embeddings.errors import EmbeddingsError, InputInvalid, SourceError
from testing.servers.scripted import Answer, Asked, ScriptedServer, scripted_server
from testing.servers.summary import SummaryServer
from testing.servers.summary_documents import summary_documents
from tests.builders.sources.conftest import KEY, Pull

USER, PASSWORD = "ada", "s3cr3t/p@ss"
BASIC = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
REDIRECTS = (301, 302, 303, 307, 308)
SPELLINGS = (KEY, KEY.lower(), PASSWORD, quote(PASSWORD, safe=""), base64.b64encode(KEY.encode()).decode())


def is_clean(text: str) -> bool:
    return not any(spelling in text for spelling in (*SPELLINGS, BASIC.removeprefix("Basic ")))


def told(error: BaseException) -> str:
    """What a person would see of an error, and all that a traceback would."""
    return "".join(traceback.format_exception(error))


@pytest.fixture(autouse=True)
def impatient(own_home: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    monkeypatch.setattr(optimade, "RETRIES", 0)
    monkeypatch.setattr("builders.sources.mp.FIRST_PATIENCE", ())
    monkeypatch.setattr("builders.sources.mp_client.PAUSES", ())


@pytest.fixture
def other() -> Iterator[ScriptedServer]:
    """Somebody else, who would like to have the key."""
    with scripted_server(
        lambda asked: Answer(body={"data": [], "meta": {"total_doc": 0}, "db_version": "x"})
    ) as served:
        yield served


@pytest.fixture
def named(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedServer]:
    """The service that the user named; a healthy small Materials Project until a test says otherwise."""
    with scripted_server(answer_of(lambda asked: None)) as served:
        monkeypatch.setenv("MP_API_ENDPOINT", served.origin)
        yield served


def answer_of(redirect: Callable[[Asked], Answer | None], *, heartbeat: bool = False) -> Callable[[Asked], Answer]:
    """Answer like the Materials Project, unless `redirect` has something to say."""
    project = SummaryServer(summary_documents(5, n_deprecated=0, n_nc=0))

    def answer(asked: Asked) -> Answer:
        is_beat = urlsplit(asked.path).path.endswith("heartbeat")
        redirected = redirect(asked) if is_beat == heartbeat else None
        if redirected is not None:
            return redirected
        if is_beat:
            return Answer(body={"db_version": project.version, "access_controlled_batch_ids": []})
        query = {name: value for name, value in parse_qsl(urlsplit(asked.path).query) if name != "hop"}
        return Answer(body=project.answer(query))

    return answer


def to(location: str, status: int = 302) -> Callable[[Asked], Answer]:
    """Send everybody to a place; ``{path}`` stands for where they wanted to go."""
    return lambda asked: Answer(status, {"Location": location.replace("{path}", asked.path)})


def refused(pull: Pull, source: str, folder: Path, options: SourceOptions | None = None) -> str:
    """Pull, which must fail; return the message, after a look at whether a secret got into anything."""
    with pytest.raises(SourceError) as caught:
        pull(source, folder, options)
    assert is_clean(told(caught.value))
    assert no_file_tells(folder.parent)
    return str(caught.value)


def no_file_tells(folder: Path) -> bool:
    return all(is_clean(path.read_bytes().decode("latin1")) for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("heartbeat", [False, True])
@pytest.mark.parametrize("status", REDIRECTS)
def test_the_key_does_not_follow_a_redirect_to_another_host(
    status: int, heartbeat: bool, named: ScriptedServer, other: ScriptedServer, pull: Pull, tmp_path: Path
) -> None:
    place = f"http://localhost:{other.port}"
    named.answer = answer_of(to(place + "{path}", status), heartbeat=heartbeat)
    message = refused(pull, "mp", tmp_path / "s")
    assert f"redirects to {place}" in message
    assert "MP_API_ENDPOINT" in message
    assert other.asked == []
    assert len(named.asked) == 2 - heartbeat


PLACES = {
    "another port": "http://127.0.0.1:{other}/",
    "another name": "http://localhost:{named}/",
    "no scheme": "//127.0.0.1:{other}/",
    "another scheme": "https://127.0.0.1:{named}/",
    "user info that looks like the host": "http://127.0.0.1:{named}@127.0.0.1:{other}/",
    "backslash": "http://127.0.0.1:{other}\\@127.0.0.1:{named}/",
    "the key in the host": "http://" + KEY + ".localhost:{other}/",
    "the key in the query": "http://127.0.0.1:{other}/?key=" + KEY,
    "the key as a user": "http://" + KEY + "@127.0.0.1:{other}/",
    "no web address": "ftp://127.0.0.1:{other}/",
    "a file": "file:///etc/passwd",
    "no address": "http://[127.0.0.1/",
    "no port": "http://127.0.0.1:99999/",
}


@pytest.mark.parametrize("place", PLACES)
def test_wherever_a_redirect_leads_the_key_stays(
    place: str, named: ScriptedServer, other: ScriptedServer, pull: Pull, tmp_path: Path
) -> None:
    location = PLACES[place].replace("{other}", str(other.port)).replace("{named}", str(named.port))
    named.answer = answer_of(to(location))
    assert "redirects" in refused(pull, "mp", tmp_path / "s")
    assert other.asked == []
    assert len(named.asked) < 20


def test_only_the_last_of_several_redirects_leaves(
    named: ScriptedServer, other: ScriptedServer, pull: Pull, tmp_path: Path
) -> None:
    def redirect(asked: Asked) -> Answer:
        place = f"{other.origin}/" if "hop" in asked.path else f"{asked.path}&hop=1"
        return Answer(302, {"Location": place})

    named.answer = answer_of(redirect)
    refused(pull, "mp", tmp_path / "s")
    assert other.asked == []


@pytest.mark.parametrize("relative", [True, False])
@pytest.mark.parametrize("status", REDIRECTS)
def test_redirects_within_the_service_are_followed(
    status: int, relative: bool, named: ScriptedServer, pull: Pull, tmp_path: Path
) -> None:
    def redirect(asked: Asked) -> Answer | None:
        origin = "" if relative else named.origin
        return None if "hop=1" in asked.path else Answer(status, {"Location": f"{origin}{asked.path}&hop=1"})

    named.answer = answer_of(redirect)
    assert pull("mp", tmp_path / "s").n_received == 5
    assert all(asked.headers["x-api-key"] == KEY for asked in named.asked if "hop=1" in asked.path)
    assert no_file_tells(tmp_path)


def test_redirects_in_a_circle_end(named: ScriptedServer, pull: Pull, tmp_path: Path) -> None:
    named.answer = answer_of(to("{path}"))
    assert "redirects more than 10 times" in refused(pull, "mp", tmp_path / "s")
    assert len(named.asked) < 20


@pytest.mark.parametrize("status", [200, 400, 401, 404, 418, 500])
def test_a_server_that_repeats_the_key_finds_no_echo(
    status: int, named: ScriptedServer, pull: Pull, tmp_path: Path
) -> None:
    named.answer = answer_of(lambda asked: Answer(status, body={"detail": f"bad key {KEY}", "data": KEY}))
    refused(pull, "mp", tmp_path / "s")


def test_a_key_given_in_place_of_its_file_is_not_repeated(
    pull: Pull, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SourceError, match="looks like a key itself") as caught:
        pull("mp", tmp_path / "s", SourceOptions(api_key_file=Path(KEY)))
    assert is_clean(told(caught.value))


def test_user_and_password_of_the_endpoint_are_used_and_not_written(
    named: ScriptedServer, pull: Pull, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MP_API_ENDPOINT", with_password(named.origin))
    snapshot = pull("mp", tmp_path / "s")
    assert {asked.headers["authorization"] for asked in named.asked} == {BASIC}
    assert snapshot.query["endpoint"] == f"{named.origin}/"
    assert no_file_tells(tmp_path)


def with_password(address: str) -> str:
    return address.replace("http://", f"http://{USER}:{quote(PASSWORD, safe='')}@")


def entry(name: str) -> dict[str, Any]:
    """A crystal of one atom as OPTIMADE writes it."""
    attributes = {
        "lattice_vectors": [[3, 0, 0], [0, 3, 0], [0, 0, 3]],
        "cartesian_site_positions": [[0, 0, 0]],
        "species": [{"name": "Fe", "chemical_symbols": ["Fe"], "concentration": [1.0]}],
        "species_at_sites": ["Fe"],
        "nperiodic_dimensions": 3,
        "dimension_types": [1, 1, 1],
        "nsites": 1,
        "structure_features": [],
        "last_modified": "2026-01-01T00:00:00Z",
    }
    return {"id": name, "type": "structures", "attributes": attributes}


def page(name: str, following: Any = None, **meta: Any) -> Answer:
    known = {"api_version": "1.1.0", "data_returned": 2, "data_available": 2, "more_data_available": bool(following)}
    return Answer(body={"data": [entry(name)], "meta": known | meta, "links": {"next": following}})


@pytest.mark.parametrize("status", REDIRECTS)
def test_a_password_does_not_follow_a_redirect(status: int, other: ScriptedServer, pull: Pull, tmp_path: Path) -> None:
    with scripted_server(to(f"http://localhost:{other.port}" + "{path}", status)) as named:
        message = refused(pull, "optimade", tmp_path / "s", SourceOptions(provider=with_password(named.origin)))
        assert f"redirects to http://localhost:{other.port}" in message
        assert "--provider" in message
        assert len(named.asked) == 1
    assert other.asked == []


@pytest.mark.parametrize("as_object", [False, True])
@pytest.mark.parametrize("place", ["{other}/next", "http://localhost:{port}/next", "https://127.0.0.1:{port}/next"])
def test_no_next_page_is_fetched_from_elsewhere(
    place: str, as_object: bool, other: ScriptedServer, pull: Pull, tmp_path: Path
) -> None:
    with scripted_server() as named:
        link = place.replace("{other}", other.origin).replace("{port}", str(named.port))
        named.answer = lambda asked: page("a", {"href": link} if as_object else link)
        message = refused(pull, "optimade", tmp_path / "s", SourceOptions(provider=with_password(named.origin)))
        assert "next page is elsewhere" in message
    assert other.asked == []


@pytest.mark.parametrize(
    "link", ["{origin}/v1/structures?page=2", "/v1/structures?page=2", "?page=2", "{secret}?page=2"]
)
def test_next_pages_of_the_provider_are_fetched_with_the_password_and_without_writing_it(
    link: str, pull: Pull, tmp_path: Path
) -> None:
    with scripted_server() as named:
        following = link.format(origin=named.origin, secret=with_password(named.origin) + "/v1/structures")
        named.answer = lambda asked: page("b") if "page=2" in asked.path else page("a", following)
        snapshot = pull("optimade", tmp_path / "s", SourceOptions(provider=with_password(named.origin)))
        assert snapshot.n_received == 2
        assert {asked.headers["authorization"] for asked in named.asked} == {BASIC}
        assert snapshot.query["endpoint"] == snapshot.origin.name == named.origin
    assert no_file_tells(tmp_path)


def test_a_provider_that_repeats_the_password_finds_no_echo(pull: Pull, tmp_path: Path) -> None:
    with scripted_server() as named:
        options = SourceOptions(provider=with_password(named.origin))
        named.answer = lambda asked: Answer(403, body={"errors": [{"title": "No", "detail": f"not {PASSWORD}"}]})
        refused(pull, "optimade", tmp_path / "refused", options)
        named.answer = lambda asked: page("a", f"/next?password={quote(PASSWORD, safe='')}")
        refused(pull, "optimade", tmp_path / "link", options)
        named.answer = lambda asked: page(
            "a", api_version=PASSWORD, implementation={"name": PASSWORD, "version": USER}, time_stamp=PASSWORD
        )
        pull("optimade", tmp_path / "meta", options)
    assert no_file_tells(tmp_path)


def test_pages_in_a_circle_end(pull: Pull, tmp_path: Path) -> None:
    with scripted_server() as named:
        named.answer = lambda asked: page("a", "/v1/structures?page=" + ("2" if "page=1" in asked.path else "1"))
        assert "back to an earlier one" in refused(
            pull, "optimade", tmp_path / "s", SourceOptions(provider=named.origin)
        )


ODD = {
    "a list": [],
    "a text": "no",
    "no meta": {"data": [], "meta": None},
    "meta of another kind": {"data": [], "meta": []},
    "data of another kind": {"data": {"id": 1}, "meta": {"data_returned": "2"}},
    "entries of another kind": {"data": [None, 1, "x", [], {}], "meta": {"implementation": "none"}},
    "links of another kind": {"data": [], "meta": {}, "links": []},
}


@pytest.mark.parametrize("name", ODD)
def test_answers_that_are_none_are_named(name: str, pull: Pull, tmp_path: Path) -> None:
    with scripted_server(lambda asked: Answer(body=ODD[name])) as named, pytest.raises(SourceError):
        pull("optimade", tmp_path / "s", SourceOptions(provider=named.origin))


def test_one_odd_entry_is_rejected_by_name_and_the_rest_is_kept(pull: Pull, tmp_path: Path) -> None:
    odd = [
        None,
        {"id": "x"},
        {"id": "y", "attributes": 3},
        {"id": "z", "attributes": entry("z")["attributes"] | {"species": 1}},
    ]
    answered = page("a")
    answered.body["data"] += odd
    with scripted_server(lambda asked: answered) as named:
        snapshot = pull("optimade", tmp_path / "s", SourceOptions(provider=named.origin))
    assert snapshot.n_received == 5
    assert sum(snapshot.rejected.values()) == 4
    listed = (tmp_path / "s" / "rejected.csv").read_text()
    assert all(f"\n{name}," in listed for name in ("x", "y", "z", "entry 2 of its page"))


@pytest.mark.parametrize("source", ["optimade"])
def test_the_command_in_a_manifest_has_no_password(source: str, tmp_path: Path) -> None:
    options = SourceOptions(provider=f"https://{USER}:{PASSWORD}@host/optimade")
    request = BuildRequest(RECIPES["ct-all"], tmp_path, source=source, work=tmp_path, options=options, name="toy")
    command = command_line(request, version="1.0.0")
    assert "--provider https://host/optimade" in command
    assert is_clean(command)


@pytest.mark.parametrize(
    "text",
    ["host", "ftp://host", "https://", "https://a b/", "https://host/?key=abc", "https://host:port/", "http://[::1"],
)
def test_what_is_no_address_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(InputInvalid) as caught:
        parse_address(text, "--provider")
    assert "abc" not in told(caught.value)


def test_addresses_are_split_into_what_may_be_shown_and_what_may_not() -> None:
    address = parse_address("https://ada:a%40b@Host:8443/path/", "--provider")
    assert (address.url, address.auth) == ("https://host:8443/path", ("ada", "a@b"))
    assert "a@b" not in repr(address)
    assert parse_address("http://[::1]:80", "x").url == "http://[::1]:80"
    assert origin_of("https://HOST/x") == origin_of("https://host:443/y") != origin_of("http://host:443/")
    assert without_secrets("see http://ada:x@host and AbC", ["abc"]) == "see http://***@host and ***"


def test_a_provider_without_its_scheme_is_refused_without_its_password(pull: Pull, tmp_path: Path) -> None:
    with pytest.raises(EmbeddingsError) as caught:
        pull("optimade", tmp_path / "s", SourceOptions(provider=f"{USER}:{PASSWORD.replace('/', '')}@host"))
    assert PASSWORD.replace("/", "") not in told(caught.value)


def test_secrets_of_other_work_in_the_environment_are_not_in_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    from builders.sources import mp_opendata

    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", PASSWORD)
    assert is_clean(mp_opendata._brief(OSError(f"http://{USER}:x@proxy said {PASSWORD}")))
