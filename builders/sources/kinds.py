"""Disordered sites as ASE keeps them: one symbol on each, and beside it the shares of all, by the kind of the site."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from builders.sources.disorder import ISOTOPES, Site
from builders.structures.rejections import Unusable

_JSON = "_JSON "
"""How a value begins that ASE writes into a comment of extended XYZ as JSON."""


def sites_of_kinds(symbols: Sequence[str], kinds: Sequence[Any] | None, shares: Any) -> list[Site]:
    """Return what is on each site.

    Args:
        symbols: of the sites; of a shared one the largest share.
        kinds: of the sites.
        shares: kind -> element -> share; anything else says nothing of them.

    Raises:
        Unusable: it is not known what a site holds, or its symbol is none of its shares.
    """
    if not isinstance(shares, Mapping) or not shares:
        return [{symbol: 1.0} for symbol in symbols]
    if not all(isinstance(content, Mapping) for content in shares.values()):
        raise Unusable("unreadable", "its occupancy does not give the shares of each kind of site")
    if kinds is None:
        if all(_is_full(content) for content in shares.values()):
            return [{symbol: 1.0} for symbol in symbols]
        raise Unusable(
            "unsupported_feature", "it has shared sites, and does not say which: there are no spacegroup_kinds"
        )
    contents = {str(kind): dict(content) for kind, content in shares.items()}
    return [
        _content(place, symbol, contents.get(str(kind)))
        for place, (symbol, kind) in enumerate(zip(symbols, kinds, strict=True), 1)
    ]


def _content(place: int, symbol: str, content: dict[str, float] | None) -> Site:
    if content is None:
        raise Unusable("unsupported_feature", f"its occupancy says nothing of the kind of atom {place}")
    is_known = ISOTOPES.get(symbol, symbol) in [ISOTOPES.get(name, name) for name in content]
    if not is_known and _is_full(content):
        return {symbol: 1.0}  # the atom was replaced, and what is said of its kind was not
    if not is_known:
        raise Unusable(
            "unsupported_feature", f"atom {place} is {symbol[:20]}, and its occupancy is of {', '.join(content)}"
        )
    return content


def _is_full(content: Mapping[str, Any]) -> bool:
    return list(content.values()) == [1]


def shares_in_json(text: str | None) -> Mapping[str, Any] | None:
    """Return the shares that ASE wrote into a comment; None if it wrote none.

    Raises:
        Unusable: they cannot be read.
    """
    if text is None or not text.startswith(_JSON):
        return None
    try:
        shares = json.loads(text.removeprefix(_JSON))
    except ValueError as error:
        raise Unusable("unreadable", f"its occupancy is not JSON: {error}") from error
    if not isinstance(shares, dict):
        raise Unusable("unreadable", "its occupancy does not give the shares of each kind of site")
    return shares
