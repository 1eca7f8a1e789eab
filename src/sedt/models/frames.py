"""The paper's baselines, CRNN and Conv-Transformer: they say of each step of time which classes sound.

After Miyazaki et al., "Convolution-augmented transformer for semi-supervised sound event detection" (DCASE
2020) and "Weakly-supervised sound event detection with self-attention" (ICASSP 2020); sizes in
`sedt.config.FramesConfig`.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from sedt.batch import FramePredictions
from sedt.models.attention import Dropout
from sedt.models.positions import sine_positions
from sedt.models.transformer import EncoderLayer

_LEAST = 1e-6  # tag probabilities keep so far from 0 and 1, so that their logits are finite


class FrameDetector(nn.Module):
    """(batch, frames, bands) -> class probabilities of each step, and of the clip.

    Args:
        convolutions: features -> (batch, steps, channels).
        context: (batch, steps, channels) and which steps are padding -> (batch, steps, `size`).
        size: of what `context` gives.
        num_classes: C.
        step_s: seconds of a step.
    """

    def __init__(
        self, convolutions: Convolutions, context: nn.Module, size: int, num_classes: int, step_s: float
    ) -> None:
        super().__init__()
        self.convolutions, self.context, self.step_s = convolutions, context, step_s
        self.class_head = nn.Linear(size, num_classes)
        self.attention_head = nn.Linear(size, num_classes)

    def forward(self, features: Tensor, num_frames: Tensor | None = None) -> FramePredictions:
        """Steps past `num_frames` (batch,) count for no tag."""
        steps = self.convolutions(features)
        padding = None
        if num_frames is not None:
            heard = self.convolutions.num_steps(num_frames).clamp(min=1)
            padding = torch.arange(steps.shape[1], device=steps.device)[None] >= heard[:, None]
        content = self.context(steps, padding)
        logits = self.class_head(content).float()
        weights = self.attention_head(content).float()
        if padding is not None:
            weights = weights.masked_fill(padding[..., None], -torch.inf)
        tags = (weights.softmax(1) * logits.sigmoid()).sum(1)
        return FramePredictions(logits, tags.logit(_LEAST), self.step_s)


class Convolutions(nn.Module):
    """3x3 convolutions with batch norm, gate and pooling: (batch, frames, bands) -> (batch, steps, channels).

    Args:
        channels: of each layer.
        pools: (frames, bands) that each layer takes the mean of.
        dropout: after each gate.
    """

    def __init__(
        self, channels: Sequence[int], pools: Sequence[tuple[int, int]], dropout: float = 0.5
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after, pool in zip([1, *channels[:-1]], channels, pools, strict=True):
            layers += [
                nn.Conv2d(before, after, kernel_size=3, padding=1, bias=False),
                nn.BatchNorm2d(after),
                Gate(after),
                Dropout(dropout),
                nn.AvgPool2d(pool, ceil_mode=True),
            ]
        self.layers = nn.Sequential(*layers)
        self.time_pools = [pool[0] for pool in pools]

    def forward(self, features: Tensor) -> Tensor:
        """What is left of the bands is averaged."""
        maps: Tensor = self.layers(features.unsqueeze(1))
        return maps.mean(3).transpose(1, 2)

    def num_steps(self, num_frames: Tensor) -> Tensor:
        """(...) int64 frames -> (...) int64 steps that see so many."""
        for pool in self.time_pools:
            num_frames = torch.div(num_frames + pool - 1, pool, rounding_mode="floor")
        return num_frames


class Gate(nn.Module):
    """x * sigmoid(W x), over channels: which of them count here."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weights = nn.Conv2d(channels, channels, kernel_size=1)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, frames, bands) -> the same."""
        gated: Tensor = x * self.weights(x).sigmoid()
        return gated


class Recurrence(nn.Module):
    """Bidirectional GRU layers: the CRNN's context; gives twice `hidden` channels."""

    def __init__(self, channels: int, hidden: int = 128, layers: int = 2, dropout: float = 0.5) -> None:
        super().__init__()
        between = dropout if layers > 1 else 0.0
        self.gru = nn.GRU(channels, hidden, layers, batch_first=True, bidirectional=True, dropout=between)
        self.dropout = Dropout(dropout)

    def forward(self, steps: Tensor, padding: Tensor | None = None) -> Tensor:
        """(batch, steps, channels) -> (batch, steps, 2 * hidden). Padding is heard as silence."""
        content: Tensor = self.dropout(self.gru(steps)[0])
        return content


class SelfAttention(nn.Module):
    """Encoder layers of a transformer over the steps: the Conv-Transformer's context."""

    def __init__(
        self, channels: int, size: int = 144, num_heads: int = 4, ffn_size: int = 576, layers: int = 3,
        dropout: float = 0.1,
    ) -> None:  # fmt: skip
        super().__init__()
        self.size = size
        self.projection = nn.Linear(channels, size)
        self.layers = nn.ModuleList(
            EncoderLayer(size, num_heads, ffn_size, dropout, dropout) for _ in range(layers)
        )
        self.norm = nn.LayerNorm(size)

    def forward(self, steps: Tensor, padding: Tensor | None = None) -> Tensor:
        """(batch, steps, channels) -> (batch, steps, size)."""
        content = self.projection(steps)
        positions = sine_positions(content.shape[1], self.size, content.device, "step")[None]
        for layer in self.layers:
            content = layer(content, positions, padding)
        normed: Tensor = self.norm(content)
        return normed
