"""Which query answers for which event: the assignment of least cost (paper 2.2; DETR eq. 1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from sedt.spans import generalized_iou, pairwise, spans_to_edges

L1On = Literal["edges", "span"]


@dataclass(frozen=True)
class CostWeights:
    """Weights of the matching cost; a loss whose weight is 0 has no say in the matching either."""

    classes: float = 1.0
    l1: float = 5.0
    iou: float = 2.0


def location_distance(spans_a: Tensor, spans_b: Tensor, l1_on: L1On) -> Tensor:
    """L1 distance of spans (..., 2), of their edges or of (centre, length) -> (...)."""
    if l1_on == "edges":
        spans_a, spans_b = spans_to_edges(spans_a), spans_to_edges(spans_b)
    return (spans_a - spans_b).abs().sum(-1)


@torch.no_grad()
def matching_cost(
    class_logits: Tensor,
    spans: Tensor,
    labels: Tensor,
    target_spans: Tensor,
    weights: CostWeights,
    l1_on: L1On = "edges",
) -> Tensor:
    """Cost of every pair: - probability of the event's class + L1 - generalised IoU, weighted.

    Shapes: (queries, classes + 1), (queries, 2), (events,), (events, 2) -> (queries, events).
    """
    probability = class_logits.softmax(-1)[:, labels]
    distance = location_distance(*pairwise(spans, target_spans), l1_on)
    overlap = generalized_iou(*pairwise(spans_to_edges(spans), spans_to_edges(target_spans)))
    return weights.l1 * distance - weights.iou * overlap - weights.classes * probability


@torch.no_grad()
def hungarian(cost: Tensor) -> tuple[Tensor, Tensor]:
    """One-to-one assignment of least total cost.

    (queries, events) -> query indices and event indices, both (min(queries, events),) int64, same device.
    With more events than queries the costliest events stay unmatched.
    """
    queries, events = linear_sum_assignment(cost.cpu().double().numpy())
    return (
        torch.as_tensor(queries, dtype=torch.int64, device=cost.device),
        torch.as_tensor(events, dtype=torch.int64, device=cost.device),
    )
