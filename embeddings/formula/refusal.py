"""Why a formula is refused, before it is known which spellings can be advised."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from embeddings.errors import FormulaInvalid

MAX_SPELLING = 60
"""Characters in the longest spelling that a message proposes, and of a formula that it shows whole."""


class Refusal(Exception):
    """A reason, never seen by a user: `embeddings.formula.grammar` tries the spellings and raises `FormulaInvalid`.

    Attributes:
        position: in the formula, counted from 0, or None.
        reason: one clause.
        spellings: what may have been meant, likeliest first; those that cannot be read are left out of the message.
        guessed: whether the spellings are guesses at a slip rather than the ways to say what was said.
        final: whether no other notation is looked for.
    """

    def __init__(
        self,
        position: int | None,
        reason: str,
        spellings: Iterable[str] = (),
        *,
        guessed: bool = False,
        final: bool = False,
    ) -> None:
        super().__init__(reason)
        self.position, self.reason, self.guessed, self.final = position, reason, guessed, final
        self.spellings = tuple(dict.fromkeys(spellings))


def invalid(formula: Any, refusal: Refusal) -> FormulaInvalid:
    """Return the error for a formula; positions count from 1 in the message."""
    where = "" if refusal.position is None else f" at position {refusal.position + 1}"
    words = " or ".join(f'"{spelling}"' for spelling in refusal.spellings)
    reason = refusal.reason
    if words:
        reason += f"; did you mean {words}?" if refusal.guessed else f"; write {words}"
    stop = "" if reason.endswith("?") else "."
    return FormulaInvalid(f"Formula {shown(formula)} cannot be read{where}: {reason}{stop}")


def shown(value: Any) -> str:
    """Return a value as it may stand in a message: escaped, on one line, at most 60 characters."""
    text = f'"{value}"' if isinstance(value, str) else repr(value)
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[:200])
    return text if len(text) <= MAX_SPELLING else f"{text[:44]} ... {text[-10:]}"
