"""What an embedding of many structures takes: hours, core hours, storage and money, from measured rates."""

from __future__ import annotations

from dataclasses import dataclass

import click

from benchmarks import markdown
from benchmarks.harness import RESULTS
from benchmarks.many import FEW, read_stages

MILLION = RESULTS / "many" / "1000000.json"
"""What ``python -m benchmarks.many run`` measured on a million structures."""

SIZES = (100_000, 1_000_000, 10_000_000, 100_000_000)
WORKERS = (1, 16, 256)


@dataclass(frozen=True)
class Rates:
    """How fast things go.

    Attributes:
        per_s: structures that one worker encodes in a second, on one core.
        driver_us: microseconds that the driver computes for each structure.
        bytes_each: of a structure in the output.
        share: of the rate of one worker that each of several reaches.
        start_s: until workers are ready.
    """

    per_s: float
    driver_us: float
    bytes_each: float
    share: float
    start_s: float


def measured() -> Rates:
    """Return the rates of the run on a million structures, in CPU seconds of a machine with other work.

    Not measured there are what the driver of several workers computes (``python -m benchmarks engines`` does), their
    start, and the share, which is the least that that benchmark asks for.
    """
    (embed,) = (stage for stage in read_stages(MILLION) if stage.name == "embed")
    return Rates(
        per_s=(embed.n - FEW) / (embed.cpu_s - embed.cpu_start_s),
        driver_us=10.0,
        bytes_each=embed.mb * 1e6 / embed.n,
        share=0.9,
        start_s=20.0,
    )


@dataclass(frozen=True)
class Cost:
    """What a run takes.

    Attributes:
        hours: until it is done.
        core_hours: of all workers and the driver.
        gigabytes: of the file; as much again for its parts while they are joined.
        money: in the currency of the price.
    """

    hours: float
    core_hours: float
    gigabytes: float
    money: float


def predict(n: int, workers: int, rates: Rates, *, price: float) -> Cost:
    """Return what it takes to embed structures.

    Args:
        n: structures.
        workers: each on one core; one is the driver itself.
        rates: what was measured.
        price: of an hour of one core.
    """
    per_s = rates.per_s * (rates.share * workers if workers > 1 else 1)
    driver = n * rates.driver_us * 1e-6
    seconds = (n / per_s + driver) if workers == 1 else rates.start_s + max(n / per_s, driver)
    cores = workers + (workers > 1)
    core_hours = seconds / 3600 * cores
    return Cost(seconds / 3600, core_hours, n * rates.bytes_each / 1e9, core_hours * price)


def table(rates: Rates, *, price: float) -> str:
    """Return the costs of all `SIZES` with all `WORKERS`, as Markdown."""
    columns = ["structures", "file, GB", *(f"{n} worker{'s' * (n > 1)}: hours, core hours, USD" for n in WORKERS)]
    rows = []
    for n in SIZES:
        costs = [predict(n, workers, rates, price=price) for workers in WORKERS]
        cells = [f"{_short(cost.hours)}, {_short(cost.core_hours)}, {_short(cost.money)}" for cost in costs]
        rows.append([f"{n:,}", _short(costs[0].gigabytes), *cells])
    rates_line = (
        f"At {rates.per_s:,.0f} structures/s for each core, {rates.share:.0%} of it where there are several workers, "
        f"{rates.driver_us:.0f} us of the driver and {rates.bytes_each:.0f} bytes for each structure, "
        f"{rates.start_s:.0f} s to start, {price:g} USD for an hour of a core."
    )
    return f"{markdown.table(columns, rows)}\n\n{rates_line}\n"


def _short(number: float) -> str:
    return f"{number:,.0f}" if number >= 10 else f"{number:.2g}"


@click.command()
@click.option("--price", type=float, default=0.04, show_default=True, help="Of an hour of one core, in USD.")
def main(price: float) -> None:
    """Print what to expect of an embedding of 100,000 to 100,000,000 structures."""
    click.echo(table(measured(), price=price))


if __name__ == "__main__":
    main()
