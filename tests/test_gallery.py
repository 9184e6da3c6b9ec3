"""The gallery shows what its script makes: the page is current, and every picture is there and small."""

from __future__ import annotations

import re

from docs import gallery


def test_the_page_is_current() -> None:
    assert gallery.PAGE.read_text() == gallery.page(), "run: python -m docs.gallery"


def test_every_picture_is_there_and_small() -> None:
    shown = re.findall(r"\(gallery/(.+?)\)", gallery.PAGE.read_text())
    assert sorted(shown) == sorted(path.name for path in gallery.PICTURES.iterdir())
    assert all((gallery.PICTURES / name).stat().st_size < 200_000 for name in shown)


def test_the_code_of_every_picture_can_be_read() -> None:
    for picture in gallery.GALLERY:
        compile(gallery.dedent(picture.code).strip(), picture.name, "eval")
