"""SEDT (paper 2.1): a trunk, event queries, an audio query, and a head for each."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sedt.batch import Predictions
from sedt.models.trunk import Trunk


class SEDT(nn.Module):
    """Sound Event Detection Transformer: features in, a set of events and clip tags out.

    The audio query stands first among the queries and nothing bars it from the others (spec section 2).
    """

    def __init__(self, trunk: Trunk, num_classes: int, num_queries: int = 20) -> None:
        super().__init__()
        self.trunk = trunk
        self.event_queries = nn.Embedding(num_queries, trunk.size)
        self.audio_query = nn.Embedding(1, trunk.size)
        self.class_head = nn.Linear(trunk.size, num_classes + 1)
        self.tag_head = nn.Linear(trunk.size, num_classes)

    def forward(self, features: Tensor, num_frames: Tensor | None = None) -> Predictions:
        """(batch, frames, bands) and optionally (batch,) valid frames -> predictions of every layer."""
        tokens = self.trunk.tokens(features, num_frames)
        queries = torch.cat([self.audio_query.weight, self.event_queries.weight])
        decoded = self.trunk.decode(tokens, queries.expand(len(features), -1, -1))
        audio, events = decoded[-1, :, 0], decoded[:, :, 1:]
        return Predictions(
            class_logits=self.class_head(events).float(),
            spans=self.trunk.boundaries(events),
            tag_logits=self.tag_head(audio).float(),
        )
