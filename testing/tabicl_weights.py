"""Checkpoints of TabICL with random weights: the real architecture, small, in the layout that the package loads."""

from __future__ import annotations

from pathlib import Path

SMALL = {
    "embed_dim": 16, "col_num_blocks": 1, "col_nhead": 2, "col_num_inds": 4, "row_num_blocks": 1, "row_nhead": 2,
    "row_num_cls": 2, "icl_num_blocks": 1, "icl_nhead": 2, "num_quantiles": 19, "zero_init": False,
}  # fmt: skip


def write_weights(path: Path, *, classify: bool, seed: int = 0) -> Path:
    """Write a checkpoint for classes or for numbers; needs tabicl."""
    import torch
    from tabicl._model.tabicl import TabICL

    config = SMALL | {"max_classes": 10 if classify else 0}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = TabICL(**config)
    torch.save({"config": config, "state_dict": network.state_dict()}, path)
    return path


def write_config(path: Path, *, classify: bool) -> Path:
    """Write what tells the kind of a checkpoint, without a network; needs torch alone."""
    import torch

    torch.save({"config": {"max_classes": 10 if classify else 0}, "state_dict": {}}, path)
    return path
