"""The report of a bench: words, JSON, a table and a page."""

from __future__ import annotations

import html
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from embeddings.bench.code_lines import code_lines
from embeddings.bench.evidence import Evidence
from embeddings.bench.findings import Findings, mean_predictions
from embeddings.bench.page import render_page
from embeddings.bench.scores import kinds
from embeddings.bench.verdict import Section, verdict
from embeddings.bench.wording import contender_words, number, probability
from embeddings.display.numbers import counted
from embeddings.display.pages import check_page
from embeddings.display.text import one_line
from embeddings.store.folders import write_text

if TYPE_CHECKING:
    import pandas

CONTENDERS = "Contenders (p as each test gives it; above, for several catalogs, adjusted after Holm)"


class Report:
    """What a bench found about a table of measurements.

    ``print(report)`` says it in words; notebooks show it as a table.

    Args:
        evidence: all that was learned.
    """

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence

    def __repr__(self) -> str:
        data, done = self.evidence.data, len(self.evidence.contest.folds)
        of = counted(self.evidence.plan.n_folds, "fold")
        return f"<Report on {data.target}: {counted(len(data), 'row')}, {done} of {of}>"

    def __str__(self) -> str:
        return self.text()

    @cached_property
    def verdict(self) -> tuple[Section, ...]:
        """What is to be said, section by section."""
        return verdict(self.evidence)

    @property
    def was_stopped(self) -> bool:
        """Whether Ctrl-C ended it, so that it holds only the folds that were done."""
        return self.evidence.was_stopped

    @property
    def was_cut(self) -> bool:
        """Whether the budget left something out."""
        return self.evidence.was_cut

    def text(self) -> str:
        """Return the verdict, the scores of all contenders, and the lines of code that use the winner."""
        lines = [self._title()]
        for section in self.verdict:
            lines += ["", section.title, *(f"  {one_line(sentence)}" for sentence in section.sentences)]
        if self.evidence.findings is not None:
            shell, python = code_lines(self.evidence)
            lines += ["", CONTENDERS, *_aligned(self._rows(self.evidence.findings))]
            lines += ["", "Use it", *(f"  {one_line(line)}" for line in (*shell, *python))]
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as values that JSON holds; what is not a number is None.

        The table's rows are in ``predictions``: of classes, ``predicted`` holds their probabilities.
        """
        evidence, data = self.evidence, self.evidence.data
        made = {
            "target": data.target,
            "unit": data.unit,
            "classes": data.classes,
            "plan": asdict(evidence.plan),
            "n_folds_done": len(evidence.contest.folds),
            "seconds": evidence.contest.seconds,
            "was_cut": evidence.was_cut,
            "was_stopped": evidence.was_stopped,
            "verdict": [asdict(section) for section in self.verdict],
            "facts": asdict(evidence.facts),
            "set_aside": [asdict(row) for row in data.set_aside],
            "curves": [asdict(curve) | {"exponent": curve.exponent} for curve in evidence.curves],
        }
        return _plain(made | (self._found(evidence.findings) if evidence.findings is not None else {}))

    def _found(self, findings: Findings) -> dict[str, Any]:
        shell, python = code_lines(self.evidence)
        rows, predicted = mean_predictions(self.evidence.contest)
        data = self.evidence.data
        return {
            "contenders": [
                {"name": name, "label": self._label(name), "scores": {kind: asdict(one) for kind, one in of.items()},
                 "over_fractions": _difference(findings.over.get(name))}
                for name, of in findings.scores.items()
            ],
            "vectors": [
                {"name": gain.vectors, "over_fractions": _difference(gain.over_fractions),
                 "over_without": _difference(gain.over_without)}
                for gain in findings.gains
            ],
            "chosen_over": {name: _difference(one) for name, one in findings.chosen_over.items()},
            "seen": [asdict(sight) for sight in findings.sights],
            "members": [asdict(one) | {"weight": weight} for one, weight in findings.members.items()],
            "outliers": [asdict(one) for one in findings.outliers],
            "calibration": asdict(findings.calibration),
            "predictions": {
                "lines": data.lines[rows], "formulas": data.spelled[rows], "values": data.values[rows],
                "predicted": predicted if data.is_classification else predicted[:, 0],
            },
            "code": {"shell": shell, "python": python},
        }  # fmt: skip

    def to_frame(self) -> pandas.DataFrame:
        """Return the scores of all contenders, one row each, the best first: mean and standard deviation over folds."""
        import pandas

        findings = self.evidence.findings
        rows = {
            name: {
                "label": self._label(name),
                **{kind: one.mean for kind, one in of.items()},
                **{f"{kind}_std": one.std for kind, one in of.items()},
            }
            for name, of in (findings.scores if findings is not None else {}).items()
        }
        return pandas.DataFrame.from_dict(rows, orient="index").rename_axis("contender")

    def to_html(self) -> str:
        """Return the page: one file that fetches nothing, works from disk, and runs no script but its own."""
        return render_page(self.to_dict())

    def write_html(self, path: str | Path) -> None:
        """Write the page.

        Args:
            path: ends in .html; replaced if it is there.

        Raises:
            OutputInvalid: another ending, or a place that cannot be written to.
        """
        check_page(Path(path), "the report")
        write_text(Path(path), self.to_html())

    def _repr_html_(self) -> str:
        parts = [f"<h3>{html.escape(self._title())}</h3>"]
        for section in self.verdict:
            sentences = "".join(f"<li>{html.escape(one_line(sentence))}</li>" for sentence in section.sentences)
            parts.append(f"<h4>{html.escape(section.title)}</h4><ul>{sentences}</ul>")
        if self.evidence.findings is not None:
            head, *rows = self._rows(self.evidence.findings)
            parts.append(f"<table><thead>{_row(head, 'th')}</thead><tbody>{''.join(map(_row, rows))}</tbody></table>")
        return "".join(parts)

    def _title(self) -> str:
        data = self.evidence.data
        return one_line(f"{data.target}{f' ({data.unit})' if data.unit else ''}: {repr(self).split(': ', 1)[1][:-1]}")

    def _label(self, name: str) -> str:
        return contender_words(name, is_classification=self.evidence.data.is_classification)

    def _rows(self, findings: Findings) -> list[tuple[str, ...]]:
        """Return a heading and one row for each contender."""
        names = tuple(kinds(self.evidence.data.is_classification))
        return [
            ("", *names, "over element fractions"),
            *((self._label(name), *(_score(of[kind]) for kind in names), _over(findings, name))
              for name, of in findings.scores.items()),
        ]  # fmt: skip


def _score(one: Any) -> str:
    return number(one.mean) + (f" \u00b1 {number(one.std, 2)}" if np.isfinite(one.std) else "")


def _over(findings: Findings, name: str) -> str:
    found = findings.over.get(name)
    if found is None:
        return ""
    return f"{100 * found.relative:+.0f}%{'' if np.isnan(found.p) else f', {probability(found.p)}'}"


def _difference(found: Any) -> dict[str, Any] | None:
    return None if found is None else asdict(found) | {"outcome": found.outcome}


def _aligned(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        ("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))).rstrip() for row in rows
    ]


def _row(cells: tuple[str, ...], tag: str = "td") -> str:
    return f"<tr>{''.join(f'<{tag}>{html.escape(cell)}</{tag}>' for cell in cells)}</tr>"


def _plain(value: Any) -> Any:
    """Return a value as JSON holds it."""
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [_plain(each) for each in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not np.isfinite(value) else value
