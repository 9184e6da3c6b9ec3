"""What importing and loading cost: no heavy package, little time, little memory."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from testing.toys import write_toy

HEAVY = ("torch", "sklearn", "pandas", "pymatgen", "matminer", "scipy", "matplotlib", "pyarrow", "h5py", "builders")
ROOT = Path(__file__).parents[2]


def run(code: str) -> str:
    """Run code in a fresh interpreter and return what it prints."""
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return result.stdout


@pytest.mark.parametrize(
    "code",
    [
        "import embeddings",
        "import embeddings; embeddings.load_uae({folder!r})",
        "from embeddings.cli import listing, neighbors, show, verify",
        "from click.testing import CliRunner; from embeddings.cli import main; CliRunner().invoke(main, ['list'])",
    ],
)
def test_light_paths_import_nothing_heavy(code: str, tmp_path: Path) -> None:
    folder = str(write_toy(tmp_path))
    probe = f"import sys; print(*(name for name in {HEAVY!r} if name in sys.modules))"
    assert run(f"{code.format(folder=folder)}\n{probe}").split() == []


def test_a_load_from_a_warm_mirror_imports_nothing_of_the_network(tmp_path: Path) -> None:
    """What was fetched once costs what any other catalog costs."""
    from embeddings.registry.address import parse_address
    from embeddings.registry.fetch import fetch
    from embeddings.registry.push import push

    url = (tmp_path / "registry").as_uri()
    push(write_toy(tmp_path / "mine"), url)
    fetch(parse_address(f"{url}/toy@0.1.0"))
    network = (*HEAVY, "fsspec", "boto3", "botocore", "huggingface_hub", "requests", "ssl", "http.client", "zipfile")
    probe = f"import sys; print(*(name for name in {network!r} if name in sys.modules))"
    assert run(f"import embeddings; embeddings.load_uae('{url}/toy@0.1.0')\n{probe}").split() == []


def test_public_names_exist() -> None:
    import embeddings

    for name in embeddings.__all__:
        assert getattr(embeddings, name) is not None


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_a_whole_process_stays_within_80_megabytes(tmp_path: Path) -> None:
    code = f"from embeddings import load_uae; load_uae({str(write_toy(tmp_path))!r})"
    status = run(f"{code}\nprint(open('/proc/self/status').read())").splitlines()
    peak = next(line for line in status if line.startswith("VmHWM"))
    assert int(peak.split()[1]) < 80_000


def test_loading_costs_little_more_than_importing_numpy(tmp_path: Path) -> None:
    """The budget of 0.25 s is for the benchmark; here a ratio holds on busy machines too."""
    code = f"from embeddings import load_uae; load_uae({str(write_toy(tmp_path))!r})"
    assert _least_cpu(5, code) < 2.5 * _least_cpu(5, "import numpy")


def _least_cpu(n: int, code: str) -> float:
    """Return the seconds of processor time that code takes at least, whatever else the machine does."""
    times = []
    for _ in range(n):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        run(code)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(times)
