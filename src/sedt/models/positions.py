"""Positions along time: the same sine code for all frequency rows of the map."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def sine_positions(num_steps: int, size: int, device: torch.device | None = None) -> Tensor:
    """Sine code of the normalised time index, shape (num_steps, size); temperature 10000 (spec section 2).

    Index 1..T is scaled to 0..2 pi, so a step's code depends on its place in the window alone.
    """
    index = torch.arange(1, num_steps + 1, dtype=torch.float32, device=device)
    angle = index / num_steps * 2 * math.pi
    channel = torch.arange(size, dtype=torch.float32, device=device)
    wavelength = 10_000 ** (2 * torch.div(channel, 2, rounding_mode="floor") / size)
    phase = angle[:, None] / wavelength  # (num_steps, size)
    return torch.stack([phase[:, 0::2].sin(), phase[:, 1::2].cos()], dim=-1).flatten(1)
