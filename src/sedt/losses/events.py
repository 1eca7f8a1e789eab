"""Eq. 1-3: the loss of a set of events against the events that are there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor, nn

from sedt.batch import Predictions, Supervision, Targets
from sedt.losses.classes import ClassLoss, CrossEntropy
from sedt.losses.matching import (
    CostWeights,
    L1On,
    Pairs,
    hungarian,
    location_cost,
    location_distance,
    one_to_many,
)
from sedt.spans import generalized_iou, spans_to_edges


class Matches(NamedTuple):
    """Which query answers for which event, in all clips of a batch; three times (pairs,) int64."""

    layer: int
    clips: Tensor
    queries: Tensor
    events: Tensor


@dataclass(frozen=True)
class EventLosses:
    """Sums over decoder layers, unweighted, each a scalar."""

    classes: Tensor
    """Eq. 3."""
    l1: Tensor
    """Second term of eq. 2."""
    iou: Tensor
    """First term of eq. 2."""
    matches: list[Matches] = field(default_factory=list)
    """Of every decoder layer that has losses, the last one last."""
    extra: dict[str, Tensor] = field(default_factory=dict)
    """Name -> further scalars, weighted, that a loss built upon this one adds (docs/extending.md)."""

    def items(self) -> dict[str, Tensor]:
        """Name -> value, for logs."""
        known = {"loss_class": self.classes, "loss_l1": self.l1, "loss_iou": self.iou}
        return {**known, **{f"loss_{name}": value for name, value in self.extra.items()}}


class _Layer(NamedTuple):
    """What one decoder layer says of the clips that take part."""

    logits: Tensor
    """(clips, queries, outputs)."""
    spans: Tensor
    """(clips, queries, 2)."""


class _Wanted(NamedTuple):
    """Events of the clips that take part, padded to the most that one has."""

    clips: Tensor
    """(clips,) int64: their places in the batch."""
    numbers: list[int]
    """Events of each."""
    labels: Tensor
    """(clips, events)."""
    spans: Tensor
    """(clips, events, 2)."""
    weights: Tensor
    """(clips, events)."""


BARRED = 1e6
"""Cost of a pair that may not be: any legal assignment is cheaper."""


class SetLoss(nn.Module):
    """Hungarian matching per clip and layer, then a class loss, L1 and generalised IoU.

    Only clips with STRONG supervision take part. A pair counts with the weight of its event (1 but for mixed
    clips). Location terms are divided by the weight of all pairs of the batch (at least 1, so that a batch
    without events is legal).

    Args:
        class_weight, l1_weight, iou_weight: of eq. 1 and 2, in the loss and in the matching cost.
        classes: eq. 3.
        l1_on: what the L1 distance is of.
        auxiliary: losses on every decoder layer.
        one_to_many_cost: largest location cost at which a free query is assigned as well (see `forward`).
    """

    def __init__(
        self,
        class_weight: float = 1.0,
        l1_weight: float = 5.0,
        iou_weight: float = 2.0,
        classes: ClassLoss | None = None,
        l1_on: L1On = "edges",
        auxiliary: bool = True,
        one_to_many_cost: float = 1.0,
    ) -> None:
        super().__init__()
        self.class_weight, self.l1_weight, self.iou_weight = class_weight, l1_weight, iou_weight
        self.cost_weights = CostWeights(class_weight, l1_weight, iou_weight)
        self.classes = classes or CrossEntropy()
        self.l1_on, self.auxiliary, self.one_to_many_cost = l1_on, auxiliary, one_to_many_cost

    def forward(
        self,
        predictions: Predictions,
        targets: list[Targets],
        *,
        one_to_many: bool = False,
        allowed: Tensor | None = None,
    ) -> EventLosses:
        """Losses of a batch, summed over the last layer and, with `auxiliary`, the others.

        With `one_to_many`, free queries of the last layer that lie close to an event answer for it, too.
        `allowed` (batch, queries, events or more) bool says which pairs may be; every event needs a query of
        its own there.
        """
        wanted = _side_by_side(targets, predictions)
        last = len(predictions.class_logits) - 1
        terms, matches = [], []
        for number, layer in self._layers(predictions, wanted):
            found = self._match(number, layer, wanted, one_to_many and number == last, allowed)
            terms.append(self._layer(layer, wanted, found, predictions.num_classes))
            matches.append(found._replace(clips=wanted.clips[found.clips]))
        classes, l1, iou = (torch.stack(term).sum() for term in zip(*terms, strict=True))
        return EventLosses(classes, l1, iou, matches)

    def of_known(self, predictions: Predictions, targets: list[Targets], events: Tensor) -> EventLosses:
        """The same, but of queries that were told which event they answer for: nothing is matched.

        `events` (queries,) int64: the number of each one's event; in a clip with fewer it should say "none".
        """
        wanted, events = _side_by_side(targets, predictions), events.cpu()
        told = [(events < number).nonzero()[:, 0] for number in wanted.numbers]
        pairs = [Pairs(queries, events[queries]) for queries in told]
        terms = []
        for number, layer in self._layers(predictions, wanted):
            found = _matches(number, pairs, layer.spans.device)
            terms.append(self._layer(layer, wanted, found, predictions.num_classes))
        classes, l1, iou = (torch.stack(term).sum() for term in zip(*terms, strict=True))
        return EventLosses(classes, l1, iou)

    def total(self, losses: EventLosses) -> Tensor:
        """Eq. 1 with eq. 2 inside, and what is extra."""
        total = self.class_weight * losses.classes + self.l1_weight * losses.l1 + self.iou_weight * losses.iou
        return total + sum(losses.extra.values()) if losses.extra else total

    def cost(self, logits: Tensor, spans: Tensor, labels: Tensor, target_spans: Tensor) -> Tensor:
        """What matching makes small, of a decoder layer: (clips, queries, events), without gradient.

        Args:
            logits: (clips, queries, outputs).
            spans: (clips, queries, 2), centre and length as shares of the window.
            labels: (clips, events) int64, padded.
            target_spans: (clips, events, 2).
        """
        location = location_cost(spans, target_spans, self.cost_weights, self.l1_on)
        return location + self.cost_weights.classes * self.classes.cost(logits.detach(), labels)

    def _layers(self, predictions: Predictions, wanted: _Wanted) -> Iterator[tuple[int, _Layer]]:
        """Number of each layer that has losses, and what it says of the clips that take part."""
        logits, spans = predictions.class_logits, predictions.spans
        for number in range(len(logits)) if self.auxiliary else [len(logits) - 1]:
            yield number, _Layer(logits[number][wanted.clips], spans[number][wanted.clips])

    def _layer(
        self, layer: _Layer, targets: _Wanted, found: Matches, num_classes: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Class loss, L1 and 1 - GIoU of one decoder layer; clips are counted as in `targets`."""
        logits, spans = layer
        if not len(targets.clips):
            nothing = (logits.sum() + spans.sum()) * 0.0  # keeps every parameter in the graph
            return nothing, nothing, nothing
        queries, events = (found.clips, found.queries), (found.clips, found.events)
        wanted = torch.full(logits.shape[:2], num_classes, dtype=torch.int64, device=logits.device)
        wanted[queries] = targets.labels[events]
        weights = logits.new_ones(logits.shape[:2])
        weights[queries] = targets.weights[events].to(weights)
        l1, iou = self._location(spans[queries], targets.spans[events], weights[queries])
        return self.classes.loss(logits, wanted, weights, num_classes), l1, iou + spans.sum() * 0.0

    def _match(
        self, number: int, layer: _Layer, targets: _Wanted, more: bool, allowed: Tensor | None
    ) -> Matches:
        """Which queries of each clip answer for which of its events."""
        cost = self.cost(layer.logits, layer.spans, targets.labels, targets.spans)
        if allowed is not None:
            cost = cost.masked_fill(~allowed[targets.clips, :, : cost.shape[-1]], BARRED)
        pairs = [
            hungarian(one[:, :number_of_events])
            for one, number_of_events in zip(cost.cpu(), targets.numbers, strict=True)  # one copy for all
        ]
        if more:
            location = location_cost(layer.spans, targets.spans, self.cost_weights, self.l1_on)
            pairs = [
                one_to_many(two, one[:, :events], self.one_to_many_cost, events / one.shape[0])
                for two, one, events in zip(pairs, location.cpu(), targets.numbers, strict=True)
            ]
        return _matches(number, pairs, layer.spans.device)

    def _location(self, found: Tensor, true: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
        """Weighted mean L1 and mean 1 - GIoU of matched spans (pairs, 2)."""
        total = weights.sum().clamp(min=1.0)
        distance = location_distance(found, true, self.l1_on)
        overlap = generalized_iou(spans_to_edges(found), spans_to_edges(true))
        return (distance * weights).sum() / total, ((1 - overlap) * weights).sum() / total


def _side_by_side(targets: Sequence[Targets], predictions: Predictions) -> _Wanted:
    """Events of the clips with STRONG supervision."""
    clips = [i for i, target in enumerate(targets) if target.supervision is Supervision.STRONG]
    strong = [targets[i] for i in clips]
    most = max((len(target.labels) for target in strong), default=0)
    spans = predictions.spans.new_zeros(len(strong), most, 2)
    labels = torch.zeros(len(strong), most, dtype=torch.int64, device=spans.device)
    weights = torch.ones(len(strong), most, device=spans.device)
    for row, target in enumerate(strong):
        number = len(target.labels)
        spans[row, :number], labels[row, :number] = target.spans, target.labels
        if target.weights is not None:
            weights[row, :number] = target.weights
    numbers = [len(target.labels) for target in strong]
    return _Wanted(
        torch.tensor(clips, dtype=torch.int64, device=spans.device), numbers, labels, spans, weights
    )


def _matches(layer: int, pairs: Sequence[Pairs], device: torch.device) -> Matches:
    """Pairs of each clip, side by side; clips are numbered as they come."""
    none = [torch.zeros(0, dtype=torch.int64)]
    clips = [torch.full_like(two.queries, clip) for clip, two in enumerate(pairs)]
    columns = (clips, [two.queries for two in pairs], [two.events for two in pairs])
    return Matches(layer, *(torch.cat(none + column).to(device) for column in columns))
