"""A network that runs in milliseconds."""

from __future__ import annotations

import torch

from sedt.models.backbone import Backbone
from sedt.models.sedt import SEDT
from sedt.models.transformer import Transformer
from sedt.models.trunk import Edges, QueryPlace, Trunk


def small_sedt(
    num_classes: int = 4,
    query_place: QueryPlace = "learned",
    edges: Edges = "regressed",
    **backbone: object,
) -> SEDT:
    torch.manual_seed(0)
    body = Backbone("resnet10t", "random", **backbone)  # type: ignore[arg-type]
    body.freeze_batch_norm()
    transformer = Transformer(32, 4, 64, encoder_layers=2, decoder_layers=3)
    trunk = Trunk(body, transformer, 32, query_place=query_place, edges=edges)
    return SEDT(trunk, num_classes, num_queries=6).eval()
