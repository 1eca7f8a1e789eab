"""Positions along time: the same sine code for all frequency rows of the map."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

PositionUnit = Literal["window", "step"]


def sine_positions(
    num_steps: int, size: int, device: torch.device | None = None, unit: PositionUnit = "window"
) -> Tensor:
    """Sine code of the time index 1..T, shape (num_steps, size); temperature 10000 (as in DETR).

    Unit "window": the index is scaled to 0..2 pi, so the fastest channel turns once in the window and
    neighbouring steps differ little. Unit "step": it is not scaled, so the fastest turns once in 2 pi steps,
    as in "Attention is all you need".
    """
    steps = torch.arange(1, num_steps + 1, dtype=torch.float32, device=device)
    return sine_code(steps, num_steps, size, unit)


def sine_code(steps: Tensor, num_steps: int, size: int, unit: PositionUnit) -> Tensor:
    """Time indices (...), not necessarily whole, of a map of num_steps -> (..., size)."""
    angle = steps / num_steps * 2 * math.pi if unit == "window" else steps
    channel = torch.arange(size, dtype=torch.float32, device=steps.device)
    wavelength = 10_000 ** (2 * torch.div(channel, 2, rounding_mode="floor") / size)
    phase = angle[..., None] / wavelength
    return torch.stack([phase[..., 0::2].sin(), phase[..., 1::2].cos()], dim=-1).flatten(-2)
