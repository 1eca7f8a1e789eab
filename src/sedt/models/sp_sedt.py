"""SP-SEDT (paper 3): a trunk whose queries are told patches of the clip and must say where those lie."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from sedt.batch import PatchPredictions
from sedt.models.patches import crop_features, pooled_features
from sedt.models.sedt import spread_anchors
from sedt.models.trunk import MLP, Queries, Trunk

PatchFeatures = Literal["crop", "pooled"]

PATCH, BACKGROUND = 0, 1
"""The two classes of a query."""

LEAST_DEVIATION = 0.1
"""Of a channel's deviation against the median of all, where features are standardised. [O]"""


class SPSEDT(nn.Module):
    """Features and patches in, where each query has found its patch out. The backbone is frozen.

    Patch i is told to the queries i * N/M ... (i + 1) * N/M - 1, its block.

    Args:
        trunk: what fine-tuning takes over.
        num_queries: N, a multiple of `num_patches`.
        num_patches: M.
        patch_features, crop_frames: see `sedt.config.PatchConfig`.
        block_mask: a query sees only its block in the decoder's self-attention.
        patch_drop: probability, while training, that a query is not told its patch.
    """

    def __init__(
        self,
        trunk: Trunk,
        num_queries: int = 20,
        num_patches: int = 10,
        patch_features: PatchFeatures = "crop",
        crop_frames: int | None = 128,
        block_mask: bool = True,
        patch_drop: float = 0.1,
    ) -> None:
        super().__init__()
        self.trunk = trunk
        trunk.backbone.freeze()
        channels = trunk.backbone.num_channels
        self.from_crops, self.crop_frames, self.patch_drop = patch_features == "crop", crop_frames, patch_drop
        self.event_queries = nn.Embedding(num_queries, trunk.size)
        self.anchors = nn.Embedding(num_queries, 2) if trunk.query_place == "anchor" else None
        if self.anchors is not None:
            self.anchors.weight.data = spread_anchors(num_queries)[1:].logit()
        self.patch_projection = nn.Linear(channels, trunk.size)
        self.class_head = nn.Linear(trunk.size, 2)
        self.reconstruction_head = MLP(trunk.size, trunk.size, channels)
        self.num_patches = num_patches
        self.register_buffer("feature_mean", torch.zeros(channels))
        self.register_buffer("feature_std", torch.ones(channels))
        self.feature_mean: Tensor
        self.feature_std: Tensor
        block = block_of(num_queries, num_patches)
        other = block[:, None] != block[None]
        self.register_buffer("barred", other if block_mask else None, persistent=False)
        self.barred: Tensor | None

    def forward(
        self, features: Tensor, patches: Tensor, num_frames: Tensor | None = None
    ) -> PatchPredictions:
        """(batch, frames, bands), (batch, M, 2) spans, (batch,) valid frames -> predictions."""
        feature_map = self.feature_map(features)
        return self.find(feature_map, self.patch_features(features, feature_map, patches), num_frames)

    @torch.no_grad()
    def feature_map(self, features: Tensor) -> Tensor:
        """The frozen backbone's map (batch, channels, time, frequency)."""
        feature_map: Tensor = self.trunk.backbone(features)
        return feature_map

    @torch.no_grad()
    def patch_features(self, features: Tensor, feature_map: Tensor, patches: Tensor) -> Tensor:
        """p of each patch (batch, M, channels), float32; `features` are not looked at where it is pooled."""
        if self.from_crops:
            raw = crop_features(self.trunk.backbone, features, patches, self.crop_frames)
        else:
            raw = pooled_features(feature_map, patches)
        return (raw - self.feature_mean) / self.feature_std

    def standardise(self, features: Tensor) -> None:
        """From now on each channel of p has mean 0 and deviation 1 over what `features` (..., channels) show.

        Channels of a backbone are never negative, so that all patches look alike from afar.
        """
        flat = features.flatten(0, -2)
        deviation = flat.std(0)
        self.feature_mean.copy_(flat.mean(0))
        # A channel in which next to nothing was heard would outweigh all others where something is.
        self.feature_std.copy_(deviation.clamp(min=max(LEAST_DEVIATION * float(deviation.median()), 1e-6)))

    def find(
        self, feature_map: Tensor, patch_features: Tensor, num_frames: Tensor | None = None
    ) -> PatchPredictions:
        """Look for patches by feature (batch, M, channels) in a map (batch, channels, time, frequency)."""
        tokens = self.trunk.tokens_of(feature_map, num_frames)
        decoded = self.trunk.decode(tokens, self._queries(patch_features), self.barred)
        return PatchPredictions(
            class_logits=self.class_head(decoded.content).float(),
            spans=decoded.spans,
            reconstructions=self.reconstruction_head(decoded.content).float(),
            patch_features=patch_features,
            block=self._block(),
        )

    def _block(self) -> Tensor:
        """Made anew each time: averaging weights would average a buffer of whole numbers, too."""
        weight = self.event_queries.weight
        return block_of(len(weight), self.num_patches).to(weight.device)

    def _queries(self, patch_features: Tensor) -> Queries:
        """Each query's code, and its patch added to what it asks with, in every layer.

        It is not part of the content that the layers build upon: what a query says of its patch it must have
        found in the clip.
        """
        told = self.patch_projection(patch_features)[:, self._block()]  # (batch, queries, size)
        if self.training and self.patch_drop:
            kept = torch.rand(told.shape[:2]).to(told.device) >= self.patch_drop
            told = told * kept[..., None]
        codes = self.event_queries.weight.expand(len(told), -1, -1)
        anchors = None if self.anchors is None else self.anchors.weight.sigmoid().expand(len(told), -1, -1)
        return Queries(codes, anchors, told)


def block_of(num_queries: int, num_patches: int) -> Tensor:
    """Which patch each query is told: (queries,) int64."""
    return torch.arange(num_queries) // (num_queries // num_patches)
