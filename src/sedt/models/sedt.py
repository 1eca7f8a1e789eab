"""SEDT (paper 2.1): a trunk, event queries, an audio query, and a head for each."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from sedt.batch import Predictions
from sedt.models.trunk import Queries, Trunk

ClassScores = Literal["softmax", "sigmoid"]

RARE = 0.01
"""What sigmoids of classes begin with (Lin et al., Focal loss, ICCV 2017, section 3.3)."""


class Hints(NamedTuple):
    """Denoising queries: more of them, for training, each told an event; the others do not see them."""

    codes: Tensor
    """(batch, hints, size)."""
    anchors: Tensor
    """(batch, hints, 2): spans."""
    barred: Tensor
    """(hints, hints), an attention mask: True where one must not see the other."""
    events: Tensor
    """(hints,) int64: which event of its clip each is told; past the clip's last, one that is not there."""


class SEDT(nn.Module):
    """Sound Event Detection Transformer: features in, a set of events and clip tags out.

    The audio query stands first among the queries and nothing bars it from the others.
    With `class_scores` "softmax" the classes exclude each other, and "no event" is one more; with "sigmoid"
    each class has a probability of its own.
    """

    def __init__(
        self, trunk: Trunk, num_classes: int, num_queries: int = 20, class_scores: ClassScores = "softmax"
    ) -> None:
        super().__init__()
        self.trunk = trunk
        self.exclusive = class_scores == "softmax"
        self.event_queries = nn.Embedding(num_queries, trunk.size)
        self.audio_query = nn.Embedding(1, trunk.size)
        self.anchors = nn.Embedding(1 + num_queries, 2) if trunk.query_place == "anchor" else None
        if self.anchors is not None:
            self.anchors.weight.data = spread_anchors(num_queries).logit()
        self.class_head = nn.Linear(trunk.size, num_classes + int(self.exclusive))
        if not self.exclusive:
            # Few queries hold an event: without this the first epochs would only unlearn the others.
            nn.init.constant_(self.class_head.bias, math.log(RARE / (1 - RARE)))
        self.tag_head = nn.Linear(trunk.size, num_classes)

    def forward(
        self, features: Tensor, num_frames: Tensor | None = None, hints: Hints | None = None
    ) -> Predictions:
        """(batch, frames, bands) and optionally (batch,) valid frames -> predictions of every layer."""
        tokens = self.trunk.tokens(features, num_frames)
        queries, barred = self._queries(features.shape[0]), None
        num_queries = queries.codes.shape[1]
        if hints is not None:
            queries, barred = _with_hints(queries, hints)
        decoded = self.trunk.decode(tokens, queries, barred)
        logits = self.class_head(decoded.content[:, :, 1:]).float()
        return Predictions(
            class_logits=logits[:, :, : num_queries - 1],
            spans=decoded.spans[:, :, 1:num_queries],
            tag_logits=self.tag_head(decoded.content[-1, :, 0]).float(),
            exclusive=self.exclusive,
            hinted=None
            if hints is None
            else Predictions(
                logits[:, :, num_queries - 1 :], decoded.spans[:, :, num_queries:], exclusive=self.exclusive
            ),
        )

    def _queries(self, batch_size: int) -> Queries:
        """The audio query and the event queries, the same for every clip."""
        codes = torch.cat([self.audio_query.weight, self.event_queries.weight]).expand(batch_size, -1, -1)
        if self.anchors is None:
            return Queries(codes)
        return Queries(codes, self.anchors.weight.sigmoid().expand(batch_size, -1, -1))


def _with_hints(queries: Queries, hints: Hints) -> tuple[Queries, Tensor]:
    """All queries, hinted ones last, and which must not see which."""
    assert queries.anchors is not None, "only queries with anchors can be told spans"
    own, more = queries.codes.shape[1], hints.codes.shape[1]
    barred = torch.zeros(own + more, own + more, dtype=torch.bool, device=hints.barred.device)
    barred[:own, own:] = True
    barred[own:, own:] = hints.barred
    together = Queries(
        torch.cat([queries.codes, hints.codes.to(queries.codes)], dim=1),
        torch.cat([queries.anchors, hints.anchors.to(queries.anchors)], dim=1),
    )
    return together, barred


def spread_anchors(num_queries: int) -> Tensor:
    """Where queries begin to look: the audio query at the whole window, the others spread over it.

    Spans (1 + num_queries, 2).
    """
    centres = (torch.arange(num_queries) + 0.5) / num_queries
    lengths = torch.full((num_queries,), 0.2)
    whole = torch.tensor([[0.5, 0.99]])
    return torch.cat([whole, torch.stack([centres, lengths], dim=1)])
