"""What is not in an output, by name and reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import chain

from builders.parts.ledger import PartLedger
from builders.parts.part import NAMED
from builders.progress import Reporter
from builders.snapshots.ledger import Ledger
from builders.snapshots.snapshot import REJECTED, Snapshot
from builders.structures.rejections import with_mend
from embeddings.display.numbers import none_of
from embeddings.errors import SourceError


def counts_of(snapshot: Snapshot, ledger: PartLedger) -> dict[str, int]:
    """Return reason -> number of what the source and the parts left out."""
    return added([snapshot.rejected, *(entry.left_out for entry in ledger.entries)])


def added(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Return the sum of counts by name."""
    total = Counter[str]()
    for some in counts:
        total.update(some)
    return dict(total)


def name_what_is_left_out(
    snapshot: Snapshot, ledger: PartLedger, dropped: Mapping[str, int], reporter: Reporter
) -> None:
    """Say by name which files and structures are not in the output, some of them for each reason."""
    pulled = chain.from_iterable(entry.rejected for entry in Ledger(snapshot.folder).entries)
    made = chain.from_iterable(entry.rejected for entry in ledger.entries)
    names: dict[str, list[str]] = {}
    for name, reason in chain(((item, why) for item, _, why, _ in pulled), ((item, why) for item, why, _ in made)):
        some = names.setdefault(reason, [])
        if len(some) < NAMED:
            some.append(printed(name))
    for reason, some in names.items():
        more = dropped[reason] - len(some)
        listed = ", ".join(some) + (f" and {more:,} more" if more > 0 else "")
        reporter.say(f"Left out as {with_mend(reason)}: {listed}")
    if (snapshot.folder / REJECTED).exists():
        reporter.say(f"All that the source left out is listed in {snapshot.folder / REJECTED}.")


def nothing_left(snapshot: Snapshot, dropped: Mapping[str, int], done: str) -> SourceError:
    """Return the error where nothing is left.

    Args:
        snapshot: of the structures.
        dropped: reason -> number of them.
        done: what could not be done with them, such as ``"encoded"``.
    """
    head = none_of(snapshot.n_received, "structure", f"from {snapshot.origin.name}", "can")
    reasons = ", ".join(f"{k} {with_mend(reason)}" for reason, k in dropped.items())
    return SourceError(f"{head} be {done}: {reasons}.")


def printed(name: str) -> str:
    """Return a name as it may stand on a terminal."""
    return name if name.isprintable() else ascii(name)
