"""The page of a report: nothing in it is fetched, nothing breaks out of it, and it shows what the report says."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

pytest.importorskip("lightgbm", reason="needs the extra bench")

from embeddings.bench import Report
from embeddings.errors import OutputInvalid
from testing.planted import formulas, knowing, learnable, quick

HOSTILE = "</script><script>alert(1)</script> <img src=//evil.example onerror='alert(2)'> & \u202e \x1b[31m"
N = 90


class _Tags(HTMLParser):
    """Collects tags and their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def tags(page: str) -> list[tuple[str, dict[str, str | None]]]:
    parser = _Tags()
    parser.feed(page)
    return parser.found


@pytest.fixture(scope="module")
def hostile() -> Report:
    values = ["metal" if value > 0 else HOSTILE for value in learnable(formulas(N))]
    return quick(values, [knowing()], n=N, n_folds=2, target=HOSTILE, unit=HOSTILE, source=HOSTILE)


@pytest.fixture(scope="module")
def numbers() -> Report:
    return quick(learnable(formulas(N)), [knowing()], n=N, n_folds=2, target="gap", unit="eV", source="data.csv")


def test_nothing_is_fetched(numbers: Report) -> None:
    page = numbers.to_html()
    found = tags(page)
    assert not {"link", "img", "iframe", "object", "base"} & {tag for tag, _ in found}
    links = [value for _, named in found for name, value in named.items() if name in ("src", "href", "action", "data")]
    assert [link for link in links if not str(link).startswith("#")] == []
    assert not re.search(r"https?:|url\(|@import", page)
    policy = next(named["content"] for tag, named in found if named.get("http-equiv"))
    assert str(policy).startswith("default-src 'none'; style-src 'sha256-")
    assert not any(name == "style" or name.startswith("on") for _, named in found for name in named)


def test_hostile_names_are_text(hostile: Report) -> None:
    for page in (hostile.to_html(), hostile._repr_html_()):
        found = tags(page)
        assert "img" not in {tag for tag, _ in found}
        assert "&lt;/script&gt;" in page
        assert not re.search("[\x1b\u202e]", page)
    assert sum(tag == "script" for tag, _ in tags(hostile.to_html())) == 1


def test_hostile_names_do_not_steer_a_terminal(hostile: Report) -> None:
    assert not re.search("[\x1b\u202e\r]", hostile.text())


def test_it_shows_what_the_report_says(numbers: Report) -> None:
    page = numbers.to_html()
    for section in numbers.verdict:
        assert f"<h3>{section.title}</h3>" in page
    for title in ("Predicted and measured", "Errors", "Learning curve", "Calibration"):
        assert f"<h3>{title}</h3>" in page
    assert page.count('<circle class="dot"') == 2 * N
    assert "embeddings fit data.csv --target gap" in page
    assert "data-sortable" in page


def test_classes_have_charts_of_their_own(hostile: Report) -> None:
    page = hostile.to_html()
    assert 'class="confusion"' in page
    assert "<h3>How sure, and of what</h3>" in page


def test_the_same_report_gives_the_same_page(numbers: Report) -> None:
    assert numbers.to_html() == numbers.to_html()


def test_it_is_written_to_a_page_only(numbers: Report, tmp_path: Path) -> None:
    numbers.write_html(tmp_path / "report.html")
    assert (tmp_path / "report.html").read_text() == numbers.to_html()
    with pytest.raises(OutputInvalid, match=r"the report is an .html page: name it report.html"):
        numbers.write_html(tmp_path / "report.pdf")
    with pytest.raises(OutputInvalid):
        numbers.write_html(tmp_path / "nowhere" / "report.html")
