"""The trunk: exactly what SP-SEDT hands over to SEDT (paper 3.3), plus nothing.

Backbone, projection, positions, transformer, boundary head. Queries, tags and class head are not of it.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn

from sedt.models.backbone import Backbone
from sedt.models.positions import PositionUnit, sine_positions
from sedt.models.transformer import Transformer


class Tokens(NamedTuple):
    """The projected map, flattened time-major, and what goes with it."""

    content: Tensor
    """(batch, time * frequency, size)."""
    positions: Tensor
    """(1, time * frequency, size)."""
    padding: Tensor | None
    """(batch, time * frequency), True behind the clip's end; None where every clip fills the window."""


class MLP(nn.Sequential):
    """Linear layers with ReLU between them."""

    def __init__(self, *sizes: int) -> None:
        layers: list[nn.Module] = []
        for size_in, size_out in pairwise(sizes):
            layers += [nn.Linear(size_in, size_out), nn.ReLU()]
        super().__init__(*layers[:-1])


class Trunk(nn.Module):
    """Features -> tokens -> what the queries found -> where it is."""

    def __init__(
        self,
        backbone: Backbone,
        transformer: Transformer,
        size: int = 256,
        position_unit: PositionUnit = "window",
    ) -> None:
        super().__init__()
        self.size, self.position_unit = size, position_unit
        self.backbone = backbone
        self.projection = nn.Conv2d(backbone.num_channels, size, kernel_size=1)
        self.transformer = transformer
        self.boundary_head = MLP(size, size, size, 2)

    def tokens(self, features: Tensor, num_frames: Tensor | None = None) -> Tokens:
        """(batch, frames, bands) -> tokens; frames past `num_frames` (batch,) are marked as padding."""
        feature_map = self.projection(self.backbone(features))  # (batch, size, time, frequency)
        time, frequency = feature_map.shape[-2:]
        positions = sine_positions(time, self.size, feature_map.device, self.position_unit)
        padding = None
        if num_frames is not None:
            step = torch.arange(time, device=feature_map.device)
            behind = step[None] >= self.backbone.num_steps(num_frames).clamp(min=1)[:, None]
            padding = behind.repeat_interleave(frequency, dim=1)
        return Tokens(
            content=feature_map.flatten(2).transpose(1, 2),
            positions=positions.repeat_interleave(frequency, dim=0).unsqueeze(0),
            padding=padding,
        )

    def decode(self, tokens: Tokens, queries: Tensor, query_mask: Tensor | None = None) -> Tensor:
        """Queries (batch, queries, size) -> (layers, batch, queries, size)."""
        decoded: Tensor = self.transformer(
            tokens.content, tokens.positions, queries, tokens.padding, query_mask
        )
        return decoded

    def boundaries(self, decoded: Tensor) -> Tensor:
        """(..., size) -> spans (..., 2): centre and length as shares of the window, float32."""
        spans: Tensor = self.boundary_head(decoded).float().sigmoid()
        return spans
