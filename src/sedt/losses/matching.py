"""Which query answers for which event: the assignment of least cost (paper 2.2; DETR eq. 1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from sedt.errors import InputError
from sedt.spans import generalized_iou, pairwise, spans_to_edges

DIVERGED = (
    "training has diverged, the network's outputs or its loss are not finite: lower the learning rate, or "
    'set a smaller gradient_norm, longer warmup_steps or machine.precision = "float32"'
)

L1On = Literal["edges", "span"]


@dataclass(frozen=True)
class CostWeights:
    """Weights of the matching cost; a loss whose weight is 0 has no say in the matching either."""

    classes: float = 1.0
    l1: float = 5.0
    iou: float = 2.0


class Pairs(NamedTuple):
    """Queries and the events they answer for; both (pairs,) int64. A query stands once at most."""

    queries: Tensor
    events: Tensor


def location_distance(spans_a: Tensor, spans_b: Tensor, l1_on: L1On) -> Tensor:
    """L1 distance of spans (..., 2), of their edges or of (centre, length) -> (...)."""
    if l1_on == "edges":
        spans_a, spans_b = spans_to_edges(spans_a), spans_to_edges(spans_b)
    return (spans_a - spans_b).abs().sum(-1)


@torch.no_grad()
def location_cost(spans: Tensor, target_spans: Tensor, weights: CostWeights, l1_on: L1On = "edges") -> Tensor:
    """L1 - generalised IoU of every pair, weighted.

    Shapes: (..., queries, 2), (..., events, 2) -> (..., queries, events).
    """
    distance = location_distance(*pairwise(spans, target_spans), l1_on)
    overlap = generalized_iou(*pairwise(spans_to_edges(spans), spans_to_edges(target_spans)))
    return weights.l1 * distance - weights.iou * overlap


@torch.no_grad()
def hungarian(cost: Tensor) -> Pairs:
    """One-to-one assignment of least total cost (queries, events); on the device of `cost`.

    With more events than queries the costliest events stay unmatched.

    Raises:
        InputError: a cost is not finite.
    """
    costs = cost.cpu().double().numpy()
    if not np.isfinite(costs).all():
        raise InputError(DIVERGED)
    queries, events = linear_sum_assignment(costs)
    return Pairs(
        torch.as_tensor(queries, dtype=torch.int64, device=cost.device),
        torch.as_tensor(events, dtype=torch.int64, device=cost.device),
    )


@torch.no_grad()
def one_to_many(pairs: Pairs, location: Tensor, max_cost: float, probability: float) -> Pairs:
    """Pairs, and free queries that lie close to an event (SEDT, arXiv 2110.02011).

    A free query whose `location` cost (queries, events) to its nearest event is under `max_cost` is also
    assigned to that event, with `probability`. What was paired stays paired.
    """
    if not location.shape[1]:
        return pairs
    nearest_cost, nearest = location.min(dim=1)
    chosen = (nearest_cost < max_cost) & (torch.rand(len(location)).to(location.device) < probability)
    chosen[pairs.queries] = False
    more = chosen.nonzero()[:, 0]
    return Pairs(torch.cat([pairs.queries, more]), torch.cat([pairs.events, nearest[more]]))
