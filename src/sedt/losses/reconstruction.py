"""Eq. 5: the query that has found a patch gives back the patch's feature."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from sedt.batch import PatchPredictions
from sedt.losses.events import Matches


def reconstruction_distance(features: Tensor, reconstructions: Tensor) -> Tensor:
    """Eq. 5: || p/|p| - p^/|p^| ||^2, in 0..4; (..., channels) twice -> (...)."""
    return (F.normalize(features, dim=-1) - F.normalize(reconstructions, dim=-1)).square().sum(-1)


def reconstruction_loss(predictions: PatchPredictions, matches: Sequence[Matches]) -> Tensor:
    """A scalar: mean over matched pairs, summed over layers of `matches`; zero, with a graph, for none."""
    total = predictions.reconstructions.sum() * 0.0
    for layer, clips, queries, patches in matches:
        if len(clips):
            given_back = predictions.reconstructions[layer, clips, queries]
            distance = reconstruction_distance(predictions.patch_features[clips, patches], given_back)
            total = total + distance.mean()
    return torch.as_tensor(total)
