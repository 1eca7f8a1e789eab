"""Eq. 4: binary cross-entropy of clip tags."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from sedt.batch import Supervision, Targets


def tag_loss(tag_logits: Tensor, targets: list[Targets]) -> Tensor:
    """Mean over classes of all clips that have tags (WEAK and STRONG); (batch, classes) -> scalar.

    Zero, with a graph, where no clip has tags.
    """
    clips = [i for i, target in enumerate(targets) if target.supervision is not Supervision.NONE]
    if not clips:
        return tag_logits.sum() * 0.0
    wanted = torch.stack([targets[i].tags for i in clips]).to(tag_logits)
    return F.binary_cross_entropy_with_logits(tag_logits[clips], wanted)
