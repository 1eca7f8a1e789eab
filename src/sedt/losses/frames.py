"""Binary cross-entropy of steps: what networks learn by that say for each stretch of time what sounds."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from sedt.batch import Supervision, Targets
from sedt.spans import spans_to_edges

FILLED = 0.5
"""A class sounds in a step if it fills at least this share of it; or if most of an event lies there."""


def frame_loss(logits: Tensor, targets: list[Targets], steps_in_window: float) -> Tensor:
    """Mean over steps and classes of the clips with STRONG supervision; (batch, steps, classes) -> scalar.

    `steps_in_window` says how many steps a window is long. Zero, with a graph, where no clip has events.
    """
    clips = [i for i, target in enumerate(targets) if target.supervision is Supervision.STRONG]
    if not clips:
        return logits.sum() * 0.0
    wanted = torch.stack([frame_targets(targets[i], logits[i], steps_in_window) for i in clips])
    return F.binary_cross_entropy_with_logits(logits[clips], wanted)


def frame_targets(target: Targets, like: Tensor, steps_in_window: float) -> Tensor:
    """How much each class sounds in each step, 0 or 1 or an event's weight: (steps, classes) as `like`."""
    wanted = torch.zeros_like(like)
    if not len(target.labels):
        return wanted
    edges = spans_to_edges(target.spans) * steps_in_window  # (events, 2)
    step = torch.arange(len(like), device=like.device)
    inside = edges[:, 1:].minimum(step + 1) - edges[:, :1].maximum(step)  # (events, steps)
    length = (edges[:, 1:] - edges[:, :1]).clamp(max=1.0)
    sounds = inside >= FILLED * length.clamp(min=1e-6)
    weights = torch.ones_like(edges[:, 0]) if target.weights is None else target.weights
    for label, steps, weight in zip(target.labels.tolist(), sounds, weights, strict=True):
        wanted[:, label] = wanted[:, label].maximum(steps * weight)
    return wanted
