"""Eq. 3: the loss of the classes that queries give, and its part of the matching cost.

Two ways: classes and "no event" exclude each other (softmax, cross-entropy: the paper), or each class has a
sigmoid of its own (focal loss, Lin et al., ICCV 2017; cost after Deformable DETR, arXiv 2010.04159).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.ops import sigmoid_focal_loss


class ClassLoss(Protocol):
    """What the set loss needs of a class loss."""

    def cost(self, logits: Tensor, labels: Tensor) -> Tensor:
        """(..., queries, outputs), (..., events) -> (..., queries, events): how badly they fit."""

    def loss(self, logits: Tensor, wanted: Tensor, weights: Tensor, num_classes: int) -> Tensor:
        """A scalar.

        Shapes: logits (clips, queries, outputs); wanted (clips, queries), `num_classes` for "no event";
        weights (clips, queries) of the pairs, 1 where a query is free.
        """


@dataclass(frozen=True)
class CrossEntropy:
    """Softmax over the classes and "no event", which weighs `no_object_weight` in the mean."""

    no_object_weight: float = 0.1

    def cost(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Minus the probability of the label."""
        return -_of_labels(logits.softmax(-1), labels)

    def loss(self, logits: Tensor, wanted: Tensor, weights: Tensor, num_classes: int) -> Tensor:
        """Weighted mean over all queries. Raises ValueError: there is no output for "no event"."""
        _check_outputs(logits, num_classes + 1, "softmax")
        entropy = F.cross_entropy(logits.transpose(1, 2), wanted, reduction="none")
        importance = torch.where(wanted == num_classes, self.no_object_weight, weights)
        return (entropy * importance).sum() / importance.sum().clamp(min=1e-6)


@dataclass(frozen=True)
class Focal:
    """A sigmoid for each class; a free query wants none. `gamma` plays easy cases down."""

    alpha: float = 0.5
    gamma: float = 1.0

    def cost(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Loss of the label being there minus loss of it not being there."""
        logits = _of_labels(logits, labels)
        there, absent = (
            sigmoid_focal_loss(logits, torch.full_like(logits, value), self.alpha, self.gamma)
            for value in (1.0, 0.0)
        )
        cost: Tensor = there - absent
        return cost

    def loss(self, logits: Tensor, wanted: Tensor, weights: Tensor, num_classes: int) -> Tensor:
        """Sum over queries and classes per matched pair (at least one). Raises ValueError: other outputs."""
        _check_outputs(logits, num_classes, "sigmoid")
        hot = F.one_hot(wanted, num_classes + 1)[..., :num_classes].to(logits)
        terms = sigmoid_focal_loss(logits, hot, self.alpha, self.gamma).sum(-1)
        pairs = (weights * (wanted < num_classes)).sum()
        loss: Tensor = (terms * weights).sum() / pairs.clamp(min=1.0)
        return loss


def _check_outputs(logits: Tensor, wanted: int, scores: str) -> None:
    if logits.shape[-1] != wanted:
        problem = f"{logits.shape[-1]} outputs where this loss needs {wanted}"
        raise ValueError(f"{problem}: model.class_scores is not {scores!r}")


def _of_labels(values: Tensor, labels: Tensor) -> Tensor:
    """(..., queries, outputs), (..., events) -> (..., queries, events)."""
    return values.take_along_dim(labels[..., None, :], dim=-1)
