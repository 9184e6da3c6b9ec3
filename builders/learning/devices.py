"""Where networks compute: the device, its threads, and the precision of its matrix products."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch

from embeddings.errors import InputInvalid

DEVICES = ("auto", "cpu", "cuda")


def choose_device(name: str) -> torch.device:
    """Return the device for ``"auto"``, ``"cpu"`` or ``"cuda"``.

    Raises:
        InputInvalid: CUDA is asked for and not there, or the name is another.
    """
    if name not in DEVICES:
        raise InputInvalid(f'No device "{name}". There are: {", ".join(DEVICES)}.')
    if name == "cuda" and not torch.cuda.is_available():
        raise InputInvalid("No CUDA device (or a CPU build of torch). Use --device cpu, or install torch for CUDA.")
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


def device_name(device: torch.device) -> str:
    """Return what a processor is called."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def limit_threads() -> None:
    """Compute on two threads unless OMP_NUM_THREADS says otherwise.

    The matrices are small: more threads gain little, and on a machine with other work they wait for each other so long
    that training all but stops.
    """
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(min(2, os.cpu_count() or 1))


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute on one thread inside: two add the same numbers in another order, and the last bit may differ."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def has_bfloat16(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 matrices in hardware: recent GPUs, and processors with AMX."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    capabilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(capabilities.get("amx_bf16", False))


def mixed_precision(device: torch.device) -> AbstractContextManager[Any]:
    """Matrix products in bfloat16 where the hardware has them, full precision elsewhere."""
    if has_bfloat16(device):
        return torch.autocast(device.type, dtype=torch.bfloat16)
    return nullcontext()


@contextmanager
def deterministic() -> Iterator[None]:
    """Within the block torch uses deterministic algorithms where it has them, and cuBLAS if nothing used it before.

    Memory that nobody has written is not filled, as torch would do then by one more step for each array.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    settings: Any = torch.utils.deterministic
    before = torch.are_deterministic_algorithms_enabled(), settings.fill_uninitialized_memory
    torch.use_deterministic_algorithms(True, warn_only=True)
    settings.fill_uninitialized_memory = False
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0])
        settings.fill_uninitialized_memory = before[1]
