"""Denoising queries: beside the queries that must find events, some are told one with noise, and must say it.

After DN-DETR (arXiv 2203.01305), in one dimension. Which query answers for which event is open at first and
changes from step to step; a query that was told its event learns from it all the time.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sedt.batch import Supervision, Targets
from sedt.models.sedt import Hints
from sedt.spans import edges_to_spans, spans_to_edges


@dataclass(frozen=True)
class DenoisingPlan:
    """How events are told; `groups` times each."""

    weight: float = 1.0
    """Of these queries' losses against those of the others."""
    groups: int = 3
    span_noise: float = 0.4
    """The centre moves by at most this share of half the length; the length changes by at most this share."""
    label_noise: float = 0.2
    """Probability that a random class is told, which may be the true one, as in DN-DETR."""


class Denoising(nn.Module):
    """What the queries are told; of the training alone, a trained model has none.

    Args:
        num_classes: C.
        size: of a query.
        plan: how events are blurred.
    """

    def __init__(self, num_classes: int, size: int, plan: DenoisingPlan) -> None:
        super().__init__()
        self.label_codes = nn.Embedding(num_classes, size)
        self.plan = plan

    def hints(self, targets: list[Targets]) -> Hints | None:
        """Queries that are told events of the clips (batch,); None where no clip has any.

        A group holds as many queries as the clip with the most events has events; in other clips, what is
        left over is told of random events that are not there.
        """
        known = [t if t.supervision is Supervision.STRONG else None for t in targets]
        most = max((len(t.labels) for t in known if t is not None), default=0)
        if not most:
            return None
        num_classes, device = self.label_codes.num_embeddings, self.label_codes.weight.device
        shape = (len(targets), self.plan.groups, most)
        labels = torch.randint(num_classes, shape).to(device)
        spans = edges_to_spans(torch.rand(*shape, 2).sort(-1).values).to(device)
        for row, target in enumerate(known):
            if target is not None:
                number = len(target.labels)
                others = torch.rand(self.plan.groups, number).to(device) < self.plan.label_noise
                labels[row, :, :number] = torch.where(others, labels[row, :, :number], target.labels)
                spans[row, :, :number] = self._blurred(target.spans)
        group = torch.arange(self.plan.groups, device=device).repeat_interleave(most)
        return Hints(
            codes=self.label_codes(labels.flatten(1)),
            anchors=spans.flatten(1, 2),
            barred=group[:, None] != group[None],
            events=torch.arange(most, device=device).repeat(self.plan.groups),
        )

    def _blurred(self, spans: Tensor) -> Tensor:
        """(events, 2) -> (groups, events, 2), inside the window."""
        draws = (torch.rand(self.plan.groups, *spans.shape) * 2 - 1).to(spans.device) * self.plan.span_noise
        centre, length = spans.unbind(-1)
        moved = torch.stack([centre + draws[..., 0] * length / 2, length * (1 + draws[..., 1])], dim=-1)
        return edges_to_spans(spans_to_edges(moved).clamp(0, 1))
