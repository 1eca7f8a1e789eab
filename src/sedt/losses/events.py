"""Eq. 1-3: the loss of a set of events against the events that are there."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sedt.batch import Predictions, Supervision, Targets
from sedt.losses.matching import CostWeights, L1On, hungarian, location_distance, matching_cost
from sedt.spans import generalized_iou, spans_to_edges


@dataclass(frozen=True)
class EventLosses:
    """Sums over decoder layers, unweighted, each a scalar."""

    classes: Tensor
    """Eq. 3."""
    l1: Tensor
    """Second term of eq. 2."""
    iou: Tensor
    """First term of eq. 2."""

    def items(self) -> dict[str, Tensor]:
        """Name -> value, for logs."""
        return {"loss_class": self.classes, "loss_l1": self.l1, "loss_iou": self.iou}


class SetLoss(nn.Module):
    """Hungarian matching per clip and layer, then cross-entropy, L1 and generalised IoU.

    Only clips with STRONG supervision take part. Location terms are divided by the number of matched pairs of
    the whole batch (at least 1, so that a batch without events is legal); the cross-entropy is the mean over
    all queries in which "no event" weighs `no_object_weight`.
    """

    def __init__(
        self,
        class_weight: float = 1.0,
        l1_weight: float = 5.0,
        iou_weight: float = 2.0,
        no_object_weight: float = 0.1,
        l1_on: L1On = "edges",
        auxiliary: bool = True,
    ) -> None:
        super().__init__()
        self.class_weight, self.l1_weight, self.iou_weight = class_weight, l1_weight, iou_weight
        self.cost_weights = CostWeights(class_weight, l1_weight, iou_weight)
        self.no_object_weight, self.l1_on, self.auxiliary = no_object_weight, l1_on, auxiliary

    def forward(self, predictions: Predictions, targets: list[Targets]) -> EventLosses:
        """Losses of a batch, summed over the last layer and, with `auxiliary`, the others."""
        clips = [i for i, target in enumerate(targets) if target.supervision is Supervision.STRONG]
        layers = range(len(predictions.class_logits)) if self.auxiliary else [-1]
        terms = [
            self._layer(predictions.class_logits[layer], predictions.spans[layer], targets, clips)
            for layer in layers
        ]
        classes, l1, iou = (torch.stack(term).sum() for term in zip(*terms, strict=True))
        return EventLosses(classes, l1, iou)

    def total(self, losses: EventLosses) -> Tensor:
        """Eq. 1 with eq. 2 inside."""
        return self.class_weight * losses.classes + self.l1_weight * losses.l1 + self.iou_weight * losses.iou

    def _layer(
        self, logits: Tensor, spans: Tensor, targets: list[Targets], clips: list[int]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Losses of one decoder layer: logits (batch, queries, classes + 1), spans (batch, queries, 2)."""
        if not clips:
            nothing = (logits.sum() + spans.sum()) * 0.0  # keeps every parameter in the graph
            return nothing, nothing, nothing
        no_object = logits.shape[-1] - 1
        wanted = logits.new_full((len(clips), logits.shape[1]), no_object, dtype=torch.int64)
        found, true = [], []
        for row, clip in enumerate(clips):
            target = targets[clip]
            if not len(target.labels):
                continue
            cost = matching_cost(
                logits[clip], spans[clip], target.labels, target.spans, self.cost_weights, self.l1_on
            )
            queries, events = hungarian(cost)
            wanted[row, queries] = target.labels[events]
            found.append(spans[clip][queries])
            true.append(target.spans[events])
        class_weights = logits.new_ones(no_object + 1)
        class_weights[no_object] = self.no_object_weight
        classes = F.cross_entropy(logits[clips].transpose(1, 2), wanted, class_weights)
        l1, iou = self._location(torch.cat(found), torch.cat(true)) if found else (spans.sum() * 0.0,) * 2
        return classes, l1, iou

    def _location(self, found: Tensor, true: Tensor) -> tuple[Tensor, Tensor]:
        """Mean L1 and mean 1 - GIoU of matched spans (pairs, 2)."""
        distance = location_distance(found, true, self.l1_on)
        overlap = generalized_iou(spans_to_edges(found), spans_to_edges(true))
        return distance.mean(), (1 - overlap).mean()
