"""Hard labels by a teacher, for clips of which less is known (the paper's later system).

A class is called where its probability reaches a threshold of its own. Thresholds follow from training labels
alone: where pseudo-labels say a class more often than those do, its threshold rises, else it falls.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sedt.batch import Predictions, Supervision, Targets
from sedt.data.recordings import Recordings
from sedt.spans import edges_to_spans, spans_to_edges

TAG_THRESHOLD = 0.5
"""A teacher says a tag where its probability is larger."""


@dataclass(frozen=True)
class ThresholdPlan:
    """How thresholds move."""

    low: float = 0.45
    high: float = 0.7
    step: float = 0.05
    """How far, at most, after an epoch."""


class PseudoLabels(nn.Module):
    """Teacher's predictions -> targets. Thresholds and counts are buffers: a resumed run goes on with them.

    Args:
        prior: (classes,) share of training clips in which a class sounds.
        plan: where thresholds may lie; they begin in the middle.
    """

    def __init__(self, prior: Tensor, plan: ThresholdPlan = ThresholdPlan()) -> None:
        super().__init__()
        self.plan = plan
        self.register_buffer("prior", prior)
        self.register_buffer("thresholds", torch.full_like(prior, (plan.low + plan.high) / 2))
        self.register_buffer("called", torch.zeros_like(prior))
        self.register_buffer("clips", torch.zeros(()))
        self.prior: Tensor
        self.thresholds: Tensor
        self.called: Tensor
        """(classes,): clips without labels in which a class was called, in this epoch, in all processes."""
        self.clips: Tensor
        """Clips without labels that were looked at in this epoch, in all processes."""

    def label(self, predictions: Predictions, known: Sequence[Targets], heard: Tensor) -> list[Targets]:
        """Targets of clips: what is `known` of them stays, the teacher says the rest.

        A clip with tags gets events of these classes; one of which nothing is known gets tags and events.
        Events end with the clip, and of those of one class that overlap the surest stays, as in detection.

        Args:
            predictions: of the teacher.
            known: of the same clips.
            heard: (batch,) share of the window in which there is audio; 0: digital silence, in which nothing
                sounds.
        """
        scores = predictions.class_logits[-1].float()
        scores = (scores.softmax(-1) if predictions.exclusive else scores.sigmoid())[
            ..., : predictions.num_classes
        ]
        assert predictions.tag_logits is not None
        tagged = predictions.tag_logits.float().sigmoid() > TAG_THRESHOLD  # (batch, classes)
        weak = [target.supervision is Supervision.WEAK for target in known]
        told = torch.stack([target.tags.to(tagged.device) > 0 for target in known])
        there = torch.where(tagged.new_tensor(weak)[:, None], told, tagged & (heard > 0)[:, None])
        best, labels = (scores * there[:, None]).max(-1)  # (batch, queries), of classes that are there
        sure = (best >= self.thresholds[labels]) & (best > 0)
        edges = spans_to_edges(predictions.spans[-1].float()).clamp(min=0).minimum(heard[:, None, None])
        made = []
        for clip, target in enumerate(known):
            if target.supervision is Supervision.STRONG:
                made.append(target)
                continue
            called = sure[clip] & (edges[clip, :, 0] < edges[clip, :, 1])
            kept = _apart(labels[clip], edges[clip], best[clip], called)
            found = Targets(
                Supervision.STRONG,
                target.tags if weak[clip] else there[clip].to(target.tags),
                labels[clip][kept],
                edges_to_spans(edges[clip][kept]).to(target.spans),
            )
            made.append(found)
        return made

    def count(self, made: Sequence[Targets], known: Sequence[Targets]) -> None:
        """Note what was called in clips of which nothing was `known`, in all processes of this step together.

        All of them call this in every step, so that their counts are the same, in a checkpoint as well.
        """
        counts = torch.zeros(len(self.called) + 1, device=self.called.device)
        for target, before in zip(made, known, strict=True):
            if before.supervision is Supervision.NONE:
                counts[:-1] += torch.zeros_like(self.called).index_fill_(0, target.labels, 1.0)
                counts[-1] += 1
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            torch.distributed.all_reduce(counts)
        self.called += counts[:-1]
        self.clips += counts[-1]

    def adapt(self) -> None:
        """After an epoch: move each threshold by how much more often its class was called than it should."""
        if self.clips == 0:
            return
        share = self.called / self.clips
        excess = ((share + RARE) / (self.prior + RARE)).log()
        moved = self.thresholds + self.plan.step * excess.clamp(-1, 1)
        self.thresholds.copy_(moved.clamp(self.plan.low, self.plan.high))
        self.called.zero_()
        self.clips.zero_()


def _apart(labels: Tensor, edges: Tensor, scores: Tensor, called: Tensor) -> list[int]:
    """Queries of those `called` (queries,) that overlap no surer one of their class, in their order."""
    kept: list[int] = []
    label, edge, is_called = labels.tolist(), edges.tolist(), called.tolist()  # from a GPU at once
    for query in scores.argsort(descending=True, stable=True).tolist():
        onset, offset = edge[query]
        if is_called[query] and not any(
            label[query] == label[other] and onset < edge[other][1] and edge[other][0] < offset
            for other in kept
        ):
            kept.append(query)
    return sorted(kept)


RARE = 0.01
"""Added to shares, so that a class that is never called has a finite logarithm."""


def prior_of(weak: Sequence[Recordings], strong: Sequence[Recordings], classes: Sequence[str]) -> Tensor:
    """(classes,): share of training clips in which each class sounds.

    Of clips with tags, if there are any: they are of the kind of those without labels. Else of those with
    events.
    """
    counts, number = torch.zeros(len(classes)), 0
    for recordings in weak or strong:
        for index in range(len(recordings)):
            number += 1
            for label in recordings.known(index).tags & set(classes):
                counts[classes.index(label)] += 1
    return counts / max(1, number)
