"""What is promised when a command is killed, refused, stopped or watched, tried at each step by which it writes.

The short run tries some steps of each command, chosen by a fixed seed; ``make faults`` tries all.
"""

from __future__ import annotations

import os
import random
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest

from embeddings.cli import COMMANDS, main
from tests.faults.table import CASES, CHOICES, READ_ONLY, Case, prepare
from tests.faults.worker import Outcome, Worker

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="steps are found through /proc"),
    pytest.mark.slow,
]

ALL_STEPS = "FAULTS_ALL_STEPS"
TAKING_THE_PLACE = ("replace", "rename", "_exchange")
WAITING = "Another process is"

Files = dict[str, bytes]


class Bench:
    """A command with the folder before it, that after it, and copies to try it in."""

    def __init__(self, case: Case, worker: Worker, folder: Path) -> None:
        self.case, self.worker, self.folder, self.args = case, worker, folder, list(case.args)
        self.template = folder / "template"
        prepare(self.template)
        for args in case.before:
            assert worker.run(self.template, list(args))[0].code == 0
        if case.replaces:
            (self.template / case.args[-1]).write_text("old")
        self.before = files(self.template)
        done = self.fresh()
        outcome, _ = worker.run(done, self.args)
        assert outcome.code == 0, outcome.stderr
        self.steps, self.after = outcome.steps, files(done)

    def fresh(self) -> Path:
        """Return a new copy of the folder before the command, always in the same place."""
        root = self.folder / "root"
        shutil.rmtree(root, ignore_errors=True)
        shutil.copytree(self.template, root)
        return root

    def chosen(self, n_tries: int) -> list[int]:
        """Return the steps to try: all, or some, with those that make something appear among them first."""
        if os.environ.get(ALL_STEPS):
            return list(range(len(self.steps)))
        draw = random.Random(0)
        places = [k for k, step in enumerate(self.steps) if step.split()[0] in TAKING_THE_PLACE]
        near = {k + after for k in places for after in (0, 1) if k + after < len(self.steps)}
        first = draw.sample(sorted(near), min(len(near), (n_tries + 1) // 2))
        rest = sorted(set(range(len(self.steps))) - set(first))
        return sorted(first + draw.sample(rest, min(len(rest), n_tries - len(first))))

    def broken(self, check: Callable[[int], str], *, share: float = 1.0) -> list[str]:
        """Return what a check finds wrong, by step; `share` says how many of the case's tries the short run makes."""
        if share < 1 and self.case.is_variant and not os.environ.get(ALL_STEPS):
            return []
        found = ((at, check(at)) for at in self.chosen(max(1, round(self.case.tries * share))))
        return [f"at step {at}, {self.steps[at]}: {wrong}" for at, wrong in found if wrong]

    def half(self, root: Path) -> str:
        """Return which files and versions are neither as before the command nor as after it."""
        now = units(files(root))
        before, after = units(self.before), units(self.after)
        return ", ".join(name for name in now if now[name] not in (before.get(name), after.get(name))) or ", ".join(
            f"no {name}" for name in before if name in after and name not in now
        )

    def unread(self, root: Path) -> str:
        """Return what a reader says who cannot read."""
        outcomes = [self.worker.run(root, list(args))[0] for args in self.case.readers]
        return next((outcome.stderr for outcome in outcomes if outcome.code), "")

    def unfinished(self, root: Path) -> str:
        """Give the command again; return how it fails to end as if nothing had happened."""
        outcome, _ = self.worker.run(root, self.args)
        if outcome.code:
            return f"again: {outcome.stderr}"
        return differences(files(root), self.after) or ", ".join(temporaries(root))


def files(root: Path) -> Files:
    """Return all files below ``out/`` that a user would see, and their content."""
    found = (path for path in sorted((root / "out").rglob("*")) if path.is_file())
    return {
        str(path.relative_to(root / "out")): path.read_bytes()
        for path in found
        if not any(part.startswith(".") for part in path.relative_to(root / "out").parts)
    }


def units(found: Files) -> dict[str, Files]:
    """Return what must be old or new as a whole: a version's folder, or a file."""
    grouped: dict[str, Files] = {}
    for name, content in found.items():
        parts = Path(name).parts
        unit = "/".join(parts[:2]) if len(parts) == 3 else name
        grouped.setdefault(unit, {})[name] = content
    return grouped


def temporaries(root: Path) -> list[str]:
    """Return what a writer left behind anywhere; a lock file is no temporary."""
    names = (path for path in root.rglob("*") if path.name.startswith(".") or path.suffix == ".tmp")
    return [f"left: {path.relative_to(root)}" for path in names if path.suffix != ".lock"]


def differences(found: Files, expected: Files) -> str:
    """Return the names of files that differ, or an empty text."""
    names = sorted(name for name in found | expected if found.get(name) != expected.get(name))
    return f"differs: {', '.join(names)}" if names else ""


def untold(outcome: Outcome) -> str:
    """Return how the output of a command that failed is more or less than one line."""
    lines = outcome.stderr.strip().splitlines()
    errors = [line for line in lines if line.startswith("Error: ")]
    if outcome.code == 0:
        return ""
    if outcome.code == 1 and len(errors) == 1 and "Traceback" not in outcome.stderr:
        return ""
    return f"code {outcome.code}: {outcome.stderr[-2000:]}"


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    worker = Worker(tmp_path_factory.mktemp("logs"))
    yield worker
    worker.close()


@pytest.fixture(scope="module")
def bench(request: pytest.FixtureRequest, worker: Worker, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOURCE_DATE_EPOCH", "1700000000")
        return Bench(CASES[request.param], worker, tmp_path_factory.mktemp("bench"))


every_command = pytest.mark.parametrize("bench", CASES, indirect=True, scope="module")


def test_every_command_is_in_the_table() -> None:
    """A command writes, and is tried here, or writes nothing, and says so."""
    assert {case.command for case in CASES.values()} | set(READ_ONLY) == set(COMMANDS)


@pytest.mark.parametrize("command", CHOICES)
def test_every_way_of_writing_is_in_the_table(command: str) -> None:
    """Each format of export, level of embed and kind of plot is tried."""
    options = {option.name: option for option in main.get_command(None, command).params}  # type: ignore[union-attr, arg-type]
    choices = options[CHOICES[command]].type
    assert isinstance(choices, click.Choice)
    tried = {part for case in CASES.values() if case.command == command for part in case.args}
    assert set(choices.choices) <= tried | {options[CHOICES[command]].default}


@pytest.mark.parametrize("command", READ_ONLY)
def test_a_command_that_reads_writes_nothing(command: str, worker: Worker, tmp_path: Path) -> None:
    """A reading command takes no step at all."""
    prepare(tmp_path / "root")
    outcome, _ = worker.run(tmp_path / "root", list(READ_ONLY[command]))
    assert (outcome.code, outcome.steps) == (0, []), outcome.stderr


@every_command
def test_kill(bench: Bench) -> None:
    """Killed at any step, the old or the new is there, whole; the same command ends as if nothing had happened."""

    def check(at: int) -> str:
        root = bench.fresh()
        outcome, _ = bench.worker.run(root, bench.args, fault="kill", at=at)
        return "" if outcome.code != -9 else bench.half(root) or bench.unread(root) or bench.unfinished(root)

    assert bench.broken(check) == []


@every_command
@pytest.mark.parametrize("fault", ["full", "readonly"])
def test_refused(bench: Bench, fault: str) -> None:
    """From any step on no space, or nothing may be changed: one line, the old stays, and the command works later."""

    def check(at: int) -> str:
        root = bench.fresh()
        outcome, _ = bench.worker.run(root, bench.args, fault=fault, at=at)
        return untold(outcome) or bench.half(root) or bench.unread(root) or bench.unfinished(root)

    assert bench.broken(check, share=0.4) == []


@every_command
def test_two_at_once(bench: Bench) -> None:
    """Stopped at any step while the same command runs whole: both end well, or one says that the other is at work."""

    def check(at: int) -> str:
        root = bench.fresh()
        outcomes = [bench.worker.run(root, bench.args, fault="stop", at=at, meanwhile=[bench.args])]
        for outcome in (outcomes[0][0], *outcomes[0][1]):
            if outcome.code and (WAITING not in outcome.stderr or untold(outcome)):
                return f"code {outcome.code}: {outcome.stderr[-2000:]}"
        return differences(files(root), bench.after) or ", ".join(temporaries(root))

    assert bench.broken(check, share=0.4) == []


@pytest.mark.parametrize("bench", [name for name, case in CASES.items() if case.readers], indirect=True, scope="module")
def test_reader_during_writing(bench: Bench) -> None:
    """Stopped at any step, what others read is whole: the old or the new."""

    def check(at: int) -> str:
        root = bench.fresh()
        readers = [list(args) for args in bench.case.readers]
        outcome, others = bench.worker.run(root, bench.args, fault="stop", at=at, meanwhile=readers)
        return next((one.stderr for one in (outcome, *others) if one.code), "")

    assert bench.broken(check) == []
