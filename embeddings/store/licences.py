"""What licenses allow, and which license a result may have that comes from data and models under several.

A license is taken apart into what it asks of those who pass a derived work on. A result must ask at least as much as
everything that went into it. This is arithmetic with the terms of the licenses, not legal advice.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from embeddings.errors import LicenceConflict


@dataclass(frozen=True)
class Terms:
    """What a license asks of a work that is derived from one under it.

    Attributes:
        credit: the makers are named.
        noncommercial: nobody is paid for it.
        alike: licenses that the derived work may have; None for any that asks as much.
        derivable: whether a derived work may be passed on at all.
    """

    credit: bool = True
    noncommercial: bool = False
    alike: frozenset[str] | None = None
    derivable: bool = True


_FREE = Terms(credit=False)
_SA = frozenset({"CC-BY-SA-4.0"})
_NC_SA = frozenset({"CC-BY-NC-SA-4.0"})
_GPL_3 = frozenset({"GPL-3.0-only", "GPL-3.0-or-later", "AGPL-3.0-only", "AGPL-3.0-or-later"})
_AGPL_3 = frozenset({"AGPL-3.0-only", "AGPL-3.0-or-later"})

_TERMS: dict[str, Terms] = {
    **dict.fromkeys(("CC0-1.0", "PDDL-1.0", "Unlicense", "0BSD", "MIT-0"), _FREE),
    **dict.fromkeys(("MIT", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSD-3-Clause-LBNL", "ISC", "Zlib"), Terms()),
    **dict.fromkeys(("CC-BY-3.0", "CC-BY-4.0", "ODC-By-1.0", "CDLA-Permissive-1.0", "CDLA-Permissive-2.0"), Terms()),
    "CC-BY-SA-3.0": Terms(alike=frozenset({"CC-BY-SA-3.0"}) | _SA),
    "CC-BY-SA-4.0": Terms(alike=_SA | {"GPL-3.0-only"}),
    "ODbL-1.0": Terms(alike=frozenset({"ODbL-1.0"})),
    "MPL-2.0": Terms(alike=frozenset({"MPL-2.0"}) | _GPL_3),
    **dict.fromkeys(
        ("LGPL-3.0-only", "LGPL-3.0-or-later"), Terms(alike=_GPL_3 | {"LGPL-3.0-only", "LGPL-3.0-or-later"})
    ),
    "GPL-2.0-only": Terms(alike=frozenset({"GPL-2.0-only"})),
    "GPL-2.0-or-later": Terms(alike=frozenset({"GPL-2.0-only", "GPL-2.0-or-later"}) | _GPL_3),
    **dict.fromkeys(("GPL-3.0-only", "GPL-3.0-or-later"), Terms(alike=_GPL_3)),
    **dict.fromkeys(("AGPL-3.0-only", "AGPL-3.0-or-later"), Terms(alike=_AGPL_3)),
    **dict.fromkeys(("CC-BY-NC-3.0", "CC-BY-NC-4.0"), Terms(noncommercial=True)),
    "CC-BY-NC-SA-4.0": Terms(noncommercial=True, alike=_NC_SA),
    "CC-BY-NC-SA-3.0": Terms(noncommercial=True, alike=frozenset({"CC-BY-NC-SA-3.0"}) | _NC_SA),
    **dict.fromkeys(("CC-BY-ND-3.0", "CC-BY-ND-4.0"), Terms(derivable=False)),
    **dict.fromkeys(("CC-BY-NC-ND-3.0", "CC-BY-NC-ND-4.0"), Terms(noncommercial=True, derivable=False)),
}


def is_spdx(licence: str) -> bool:
    """Whether a text is the SPDX identifier of one license whose terms are known here."""
    return licence in _TERMS


def unknown_terms(expression: str) -> list[str]:
    """Return the licenses in an SPDX expression whose terms are not known here."""
    return [part for part in _parts(expression) if not is_spdx(part)]


def combined_licence(licences: Iterable[str]) -> str:
    """Return the license of a result, given those of all data and models that it comes from.

    Args:
        licences: SPDX expressions. Of licenses joined with ``OR``, the one that asks least is taken.

    Returns:
        One license, or several joined with ``AND`` where each asks for something of its own. Licenses that ask for
        nothing vanish beside others; licenses with unknown terms, such as ``LicenseRef-mine``, always stay.

    Raises:
        LicenceConflict: there is none that fits all of them; the message names two that exclude each other.

    Example:
        >>> combined_licence(["CC0-1.0", "CC-BY-4.0", "CC-BY-4.0"])
        'CC-BY-4.0'
        >>> combined_licence(["CC-BY-4.0", "CC-BY-NC-4.0"])
        'CC-BY-4.0 AND CC-BY-NC-4.0'
    """
    parts = list(dict.fromkeys(part for licence in licences for part in _parts(licence)))
    if not parts:
        raise LicenceConflict("No license was given. State the licenses of the data and of the model.")
    for part in parts:
        if not _terms(part).derivable:
            raise LicenceConflict(f"{part} does not allow you to share derived works, and vectors are one.")
    asking = [part for part in parts if _terms(part) != _FREE] or parts[:1]
    strict = [part for part in asking if _terms(part).alike is not None]
    if not strict:
        return " AND ".join(asking)
    return _share_alike(asking, strict)


def combined_attribution(attributions: Iterable[str]) -> str:
    """Return the credits that all data and models of a result ask for, each once and as a sentence of its own."""
    told = [text for text in dict.fromkeys(text.strip() for text in attributions) if text]
    return " ".join([*(text if text[-1] in ".!?" else f"{text}." for text in told[:-1]), *told[-1:]])


def check_licence(claimed: str, licences: Iterable[str]) -> None:
    """Refuse a license for a result that allows more than those of what it comes from.

    Args:
        claimed: SPDX expression of the result.
        licences: of all data and models that it comes from.

    Raises:
        LicenceConflict: says what is claimed, what binds it, and what would do.
    """
    given = list(licences)
    fitting = combined_licence(given)
    offered = [_terms(part) for part in _parts(claimed)]
    for part in _parts(fitting):
        if part in _parts(claimed):
            continue
        asked = _terms(part)
        known = is_spdx(part) and all(is_spdx(mine) for mine in _parts(claimed))
        meets_alike = asked.alike is None or all(mine in asked.alike for mine in _parts(claimed))
        meets = (
            known
            and meets_alike
            and all(
                any(getattr(offer, what) for offer in offered) or not getattr(asked, what)
                for what in ("credit", "noncommercial")
            )
        )
        if not meets:
            raise LicenceConflict(
                f"The license {claimed} allows more than {part}, which binds this result. Use {fitting}, or one that "
                "asks for as much."
            )


def _share_alike(asking: list[str], strict: list[str]) -> str:
    """Return the one license that every license that insists on its own kind accepts."""
    fitting = frozenset.intersection(*(_terms(part).alike or frozenset() for part in strict))
    fitting = frozenset(name for name in fitting if _may_carry(name, asking))
    if not fitting:
        others = [part for part in asking if part != strict[0]]
        raise LicenceConflict(
            f"{strict[0]} requires derived works to be under its own terms, which conflict with those of "
            f"{', '.join(others)}. Leave one of them out, or ask its owner."
        )
    unknown = [part for part in asking if not is_spdx(part)]
    chosen = next((part for part in strict if part in fitting), min(fitting))
    return " AND ".join([chosen, *unknown])


def _may_carry(name: str, asking: list[str]) -> bool:
    """Whether a work under a license that insists on its own kind can hold parts under all others."""
    return all(_terms(name).noncommercial or not _terms(part).noncommercial for part in asking)


def _terms(licence: str) -> Terms:
    return _TERMS.get(licence, Terms())


def _parts(expression: str) -> list[str]:
    """Return the licenses that all bind, in order; of alternatives, the one that asks least."""
    return [_least(part) for part in re.split(r"\s+AND\s+", expression.strip().strip("()"))]


def _least(alternatives: str) -> str:
    choices = [choice.strip(" ()") for choice in re.split(r"\s+OR\s+", alternatives)]
    return min(choices, key=lambda choice: (not is_spdx(choice), _weight(_terms(choice))))


def _weight(terms: Terms) -> int:
    return terms.credit + 2 * (terms.alike is not None) + 4 * terms.noncommercial + 8 * (not terms.derivable)
