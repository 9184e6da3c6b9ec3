"""What a model makes of one formula: the values, in words and as data."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from embeddings.display.html import html_table
from embeddings.display.numbers import number, signed
from embeddings.explain.amounts import Amount
from embeddings.explain.values import Index

Elements = tuple[str, ...]

_ROUNDING = 1e-10

SHOWN = 20
"""Pairs and triples that the words name."""

INDEX_WORDS = {"k-sii": "k-SII", "fsii": "FSII"}


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """The prediction for a formula, divided among its elements and their pairs.

    Attributes:
        formula: as it was given.
        what: the model predicts.
        unit: of all values.
        elements: symbols, by descending share.
        shares: atomic fraction of each.
        prediction: of the model.
        base: its value with every element absent.
        shapley: Shapley value of each element; with `base` they add up to `prediction`.
        interactions: value of each set of one to `order` elements; with `base` they add up to `prediction`, too. The
            value of a single element is what is left of it when the interactions have their own.
        order: size of the largest sets.
        index: ``"k-sii"`` or ``"fsii"``.
        unseen: elements that the model was not trained on.
        errors: standard error of each interaction where they are estimated; empty where they are exact.
        amounts: what a little more of each element does; empty where it was not asked for.
    """

    formula: str
    what: str
    unit: str
    elements: Elements
    shares: tuple[float, ...]
    prediction: float
    base: float
    shapley: dict[str, float]
    interactions: dict[Elements, float]
    order: int
    index: Index
    unseen: Elements
    errors: dict[Elements, float]
    amounts: tuple[Amount, ...]

    def __str__(self) -> str:
        return self.text()

    @property
    def is_estimated(self) -> bool:
        """Whether there were too many elements for every coalition, so that values are estimates."""
        return bool(self.errors)

    @property
    def residual(self) -> float:
        """What the sum of base and interactions lacks of the prediction: zero but for rounding."""
        return self.prediction - self.base - sum(self.interactions.values())

    @property
    def rounding(self) -> float:
        """What is smaller is no more than rounding."""
        return _ROUNDING * (abs(self.prediction) + abs(self.base))

    @property
    def singles(self) -> dict[str, float]:
        """Value of each element beside its interactions."""
        return {names[0]: value for names, value in self.interactions.items() if len(names) == 1}

    @property
    def pairs(self) -> dict[Elements, float]:
        """Value of each pair of elements, strongest first."""
        return self._strongest(2)

    @property
    def triples(self) -> dict[Elements, float]:
        """Value of each three elements, strongest first."""
        return self._strongest(3)

    def text(self) -> str:
        """Return it in a few lines."""
        lines = [self._headline(), *_aligned(self._element_rows())]
        if self.order > 1 and len(self.elements) == 1:
            lines.append("  one element: there are no pairs")
        sets = [*self.pairs.items(), *self.triples.items()]
        lines += _aligned([("-".join(names), self._value(names, value)) for names, value in sets[:SHOWN]])
        if len(sets) > SHOWN:
            lines.append(f"  and {len(sets) - SHOWN:,} more")
        if self.amounts:
            lines += _aligned([("1% more of", "change", "1% less", "slope"), *map(_amount_row, self.amounts)])
        lines.append(f"  sum: base and {self._named} give the prediction, but for {abs(self.residual):.0e}")
        return "\n".join(lines)

    def _headline(self) -> str:
        """Return the prediction as the base and what the elements add to it."""
        whole = f"{number(self.prediction)}{' ' * bool(self.unit)}{self.unit}"
        return (
            f"{self.formula}: {self.what} {whole} = {number(self.base)} {signed(self.prediction - self.base, gap=' ')}"
        )

    def _element_rows(self) -> list[tuple[str, ...]]:
        """Return a line for each element; where there are pairs, its value beside them too."""
        rows: list[tuple[str, ...]] = [("", "share", "Shapley value", "beside its pairs")]
        for symbol, share in zip(self.elements, self.shares, strict=True):
            own, part = self._value((symbol,), self.singles[symbol]), f"{100 * share:.3g}%"
            rows.append((symbol, part, signed(self.shapley[symbol]), own) if self.order > 1 else (symbol, part, own))
        return rows if self.order > 1 else [rows[0][:3], *rows[1:]]

    def to_dict(self) -> dict[str, Any]:
        """Return everything as values that JSON holds."""
        return {
            "formula": self.formula,
            "prediction": self.prediction,
            "base": self.base,
            "residual": self.residual,
            "elements": [
                {"element": symbol, "share": share, "shapley": self.shapley[symbol]}
                for symbol, share in zip(self.elements, self.shares, strict=True)
            ],
            "interactions": [
                {"elements": list(names), "value": value}
                | ({"standard_error": _known(self.errors[names])} if self.is_estimated else {})
                for names, value in self.interactions.items()
            ],
            "is_estimated": self.is_estimated,
            "unseen": list(self.unseen),
            "amounts": [asdict(amount) for amount in self.amounts],
        }

    @property
    def _named(self) -> str:
        return f"{'estimated ' * self.is_estimated}{INDEX_WORDS[self.index]}" if self.order > 1 else "Shapley values"

    def _strongest(self, size: int) -> dict[Elements, float]:
        sets = [(names, value) for names, value in self.interactions.items() if len(names) == size]
        return dict(sorted(sets, key=lambda one: -abs(one[1])))

    def _value(self, names: Elements, value: float) -> str:
        """Return a value with its standard error, if there is one; zero where it is no more than rounding."""
        error = f" \u00b1 {number(self.errors[names], 2)}" if self.is_estimated else ""
        return f"{signed(0.0 if abs(value) < self.rounding else value)}{error}"

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        rows = [("-".join(names), signed(value)) for names, value in self.interactions.items()]
        return html_table(f"{self.formula}: {self.what} {number(self.prediction)} {self.unit}", ("", "value"), rows)


def _known(value: float) -> float | None:
    return value if value == value else None


def _amount_row(one: Amount) -> tuple[str, ...]:
    return (one.element, *("" if value is None else signed(value) for value in (one.more, one.less, one.slope)))


def _aligned(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  " + "  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
