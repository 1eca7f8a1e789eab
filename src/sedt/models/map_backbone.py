"""What is asked of a backbone, so that others can stand in the place of those of timm."""

from __future__ import annotations

from pathlib import Path
from typing import Self

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from sedt.errors import InputError


class MapBackbone(nn.Module):
    """What a network needs to stand in the place of the backbone: the first three, the rest may stay.

    (batch, frames, bands), normalised log-mel -> map (batch, channels, time, frequency); docs/extending.md.
    """

    num_channels: int
    """Of the map."""
    time_stride: int
    """Frames from one time step of the map to the next."""

    def __init__(self) -> None:
        super().__init__()
        self.batch_norm_frozen = self.frozen = False

    def forward(self, features: Tensor) -> Tensor:
        """(batch, frames, bands) -> (batch, channels, time, frequency)."""
        raise NotImplementedError

    def num_steps(self, num_frames: Tensor) -> Tensor:
        """(...) int64 frames -> (...) int64 time steps of the map that see a clip of so many frames."""
        return torch.div(num_frames + self.time_stride - 1, self.time_stride, rounding_mode="floor")

    def freeze_batch_norm(self) -> None:
        """Make statistics and affine of every batch norm constants; they are no parameters then."""
        self.batch_norm_frozen = True
        for norm in self._batch_norms():
            for name in ("weight", "bias"):
                constant = getattr(norm, name).detach()
                delattr(norm, name)
                norm.register_buffer(name, constant)
        self.train(self.training)

    def train(self, mode: bool = True) -> Self:
        """As every module, but what is frozen stays in eval mode."""
        super().train(mode and not self.frozen)
        if self.batch_norm_frozen:
            for norm in self._batch_norms():
                norm.eval()
        return self

    def _batch_norms(self) -> list[nn.BatchNorm2d]:
        return [m for m in self.modules() if isinstance(m, nn.BatchNorm2d)]

    def freeze(self) -> None:
        """Nothing of it trains, and it is always in eval mode."""
        self.frozen = True
        self.freeze_batch_norm()
        self.requires_grad_(False)

    def freeze_stages(self, num_stages: int) -> None:
        """Stop training of the first stages; 0 freezes nothing. Raises InputError: it has no stages."""
        if num_stages:
            what = f"{type(self).__name__} does not say what its stages are; 0 freezes none"
            raise InputError(f"frozen_stages = {num_stages}: {what}")

    def load_weights(self, path: Path) -> None:
        """Take weights from a safetensors file: of such a backbone, or of a timm model of the same name.

        Raises:
            InputError: it cannot be read, or lacks a tensor.
        """
        try:
            tensors = load_file(path)
        except Exception as error:
            raise InputError(f"{path}: not a readable safetensors file: {error}") from error
        own = self.state_dict()
        # A timm file names layers as `network` does; classifier layers and batch counters are not needed.
        renamed = {k if k in own else f"network.{k}": v for k, v in tensors.items()}
        fitting = {k: v for k, v in renamed.items() if k in own and own[k].shape == v.shape}
        missing = [
            k for k in own if k not in fitting and not k.startswith("lift.") and "num_batches" not in k
        ]
        if missing:
            raise InputError(f"{path}: does not fit this backbone: no tensor for `{missing[0]}`")
        self.load_state_dict(fitting, strict=False)
