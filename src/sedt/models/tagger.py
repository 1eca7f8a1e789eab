"""The backbone with a tagging head (paper 3.2): how the backbone learns sound before anything else."""

from __future__ import annotations

from torch import Tensor, nn

from sedt.models.map_backbone import MapBackbone


class Tagger(nn.Module):
    """Features (batch, frames, bands) -> tag logits (batch, classes): mean over the map, two layers."""

    def __init__(self, backbone: MapBackbone, num_classes: int, head_size: int = 1000) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = nn.Sequential(
            nn.Linear(backbone.num_channels, head_size), nn.ReLU(), nn.Linear(head_size, num_classes)
        )

    def forward(self, features: Tensor) -> Tensor:
        """(batch, frames, bands) -> (batch, classes), logits in float32."""
        logits: Tensor = self.head(self.backbone(features).mean(dim=(2, 3))).float()
        return logits
