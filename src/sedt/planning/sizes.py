"""Networks that a machine can train: small ones without a GPU, the paper's with one."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from sedt.errors import InputError


@dataclass(frozen=True)
class Sizes:
    """What a recipe says of the size of the network, and of what follows from it."""

    name: str
    backbone: str
    backbone_start: str
    map_stage: int
    model_size: int
    num_heads: int
    ffn_size: int
    batch_size: int
    """Clips in a step of fine-tuning."""


SIZES = {
    "small": Sizes("small", "resnet10t", "random", 3, 192, 6, 768, 8),
    "large": Sizes("large", "resnet50.tv_in1k", "imagenet", -1, 256, 8, 2048, 32),
}
"""`small` is that of the project's own benchmarks, `large` the paper's."""


def sizes_of(wanted: str | None) -> Sizes:
    """The wanted size, or the one for this machine. Raises InputError: there is no such size."""
    if wanted is None:
        wanted = "large" if torch.cuda.is_available() else "small"
    if wanted not in SIZES:
        raise InputError(f"--size {wanted}: known sizes are {', '.join(SIZES)}")
    return SIZES[wanted]
