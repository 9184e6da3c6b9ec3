"""What a run takes is predicted from measured rates, and the page shows the prediction."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks.cost import Rates, main, predict

RATES = Rates(per_s=500.0, driver_us=10.0, bytes_each=400.0, share=0.9, start_s=30.0)


def test_one_process_pays_for_both_and_many_wait_for_the_slower() -> None:
    alone = predict(3_600_000, 1, RATES, price=0.1)
    assert alone.hours == pytest.approx(2 + 0.01)
    assert (alone.core_hours, alone.gigabytes) == (alone.hours, pytest.approx(1.44))
    ten = predict(3_600_000, 10, RATES, price=0.1)
    assert ten.hours == pytest.approx((3_600_000 / 4500 + 30) / 3600)
    assert ten.money == pytest.approx(ten.hours * 11 * 0.1)
    bound = predict(3_600_000, 100_000, RATES, price=0.1)
    assert bound.hours == pytest.approx((36 + 30) / 3600)


def test_the_page_shows_what_the_command_prints() -> None:
    printed = CliRunner().invoke(main, [], catch_exceptions=False).output
    page = (Path(__file__).parents[2] / "docs" / "cluster.md").read_text(encoding="utf-8")
    assert f"<!-- cost -->\n\n{printed.strip()}\n\n<!-- /cost -->" in page
