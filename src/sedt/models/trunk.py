"""The trunk: exactly what SP-SEDT hands over to SEDT (paper 3.3), plus nothing.

Backbone, projection, positions, transformer, boundary head, edge pointer if it has one. Queries, tags and
class head are not of it.

A query asks from a place. As in the paper, the place is a learned code that says nothing of time ("learned");
or it is a stretch of time, an anchor: for the first decoder layer a learned one, for the others what the
layer before has found ("anchor"). This is after DAB-DETR (arXiv 2201.12329) with two differences: the place
tells the edges beside the centre, and a layer gives the span itself, as in the paper, not the anchor's move.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from sedt.models.edges import EdgePointer
from sedt.models.map_backbone import MapBackbone
from sedt.models.positions import PositionUnit, sine_code, sine_positions
from sedt.models.transformer import Transformer

QueryPlace = Literal["learned", "anchor"]
Edges = Literal["regressed", "pointed"]


class Tokens(NamedTuple):
    """The projected map, flattened time-major, and what goes with it."""

    content: Tensor
    """(batch, time * frequency, size)."""
    positions: Tensor
    """(1, time * frequency, size)."""
    padding: Tensor | None
    """(batch, time * frequency), True behind the clip's end; None where every clip fills the window."""
    num_steps: int
    """Steps of the map along time."""


class Queries(NamedTuple):
    """What goes into the decoder."""

    codes: Tensor
    """(batch, queries, size): the learned code of each query."""
    anchors: Tensor | None = None
    """(batch, queries, 2): spans where the queries begin to look; None where places are the codes."""
    sought: Tensor | None = None
    """(batch, queries, size): what each query is told to look for; it asks for it in every layer."""


class Decoded(NamedTuple):
    """What comes out of the decoder, layers first."""

    content: Tensor
    """(layers, batch, queries, size)."""
    spans: Tensor
    """(layers, batch, queries, 2): centre and length as shares of the window, float32."""


class MLP(nn.Sequential):
    """Linear layers with ReLU between them."""

    def __init__(self, *sizes: int) -> None:
        layers: list[nn.Module] = []
        for size_in, size_out in pairwise(sizes):
            layers += [nn.Linear(size_in, size_out), nn.ReLU()]
        super().__init__(*layers[:-1])


class Trunk(nn.Module):
    """Features -> tokens -> what the queries found -> where it is."""

    def __init__(
        self,
        backbone: MapBackbone,
        transformer: Transformer,
        size: int = 256,
        position_unit: PositionUnit = "window",
        query_place: QueryPlace = "learned",
        edges: Edges = "regressed",
    ) -> None:
        super().__init__()
        self.size, self.position_unit, self.query_place = size, position_unit, query_place
        self.backbone = backbone
        self.projection = nn.Conv2d(backbone.num_channels, size, kernel_size=1)
        self.transformer = transformer
        self.boundary_head = MLP(size, size, size, 2)
        self.anchor_code = nn.Linear(3 * size, size) if query_place == "anchor" else None
        self.edge_pointer = EdgePointer(size) if edges == "pointed" else None

    def tokens(self, features: Tensor, num_frames: Tensor | None = None) -> Tokens:
        """(batch, frames, bands) -> tokens; frames past `num_frames` (batch,) are marked as padding."""
        return self.tokens_of(self.backbone(features), num_frames)

    def tokens_of(self, feature_map: Tensor, num_frames: Tensor | None = None) -> Tokens:
        """The same from the backbone's map (batch, channels, time, frequency)."""
        projected = self.projection(feature_map)  # (batch, size, time, frequency)
        time, frequency = projected.shape[-2:]
        positions = sine_positions(time, self.size, projected.device, self.position_unit)
        padding = None
        if num_frames is not None:
            step = torch.arange(time, device=projected.device)
            behind = step[None] >= self.backbone.num_steps(num_frames).clamp(min=1)[:, None]
            padding = behind.repeat_interleave(frequency, dim=1)
        return Tokens(
            content=projected.flatten(2).transpose(1, 2),
            positions=positions.repeat_interleave(frequency, dim=0).unsqueeze(0),
            padding=padding,
            num_steps=time,
        )

    def decode(self, tokens: Tokens, queries: Queries, query_mask: Tensor | None = None) -> Decoded:
        """Let the queries look at the tokens; query_mask (queries, queries) is True where one is barred."""
        encoded = self.transformer.encode(tokens.content, tokens.positions, tokens.padding)
        anchors, pointer = queries.anchors, self.edge_pointer
        boundaries = (
            None if pointer is None else pointer.boundaries(encoded, tokens.num_steps, tokens.padding)
        )
        content = torch.zeros_like(queries.codes) if anchors is None else queries.codes
        contents, spans = [], []
        for layer in self.transformer.decoder:
            places = queries.codes if anchors is None else self._place(anchors, tokens.num_steps)
            places = places if queries.sought is None else places + queries.sought
            content = layer(content, places, encoded, tokens.positions, tokens.padding, query_mask)
            contents.append(self.transformer.norm_decoder(content))
            span = self.boundary_head(contents[-1]).float().sigmoid()
            if pointer is not None and boundaries is not None:
                span = pointer(contents[-1], span, boundaries)
            spans.append(span)
            anchors = None if anchors is None else spans[-1].detach()
        return Decoded(torch.stack(contents), torch.stack(spans))

    def _place(self, anchors: Tensor, num_steps: int) -> Tensor:
        """Spans (..., 2) -> (..., size): the time codes of onset, centre and offset, mixed."""
        assert self.anchor_code is not None, "queries have anchors, the trunk has no code for them"
        centre, length = anchors.unbind(-1)
        times = torch.stack([centre - length / 2, centre, centre + length / 2], dim=-1)
        # Step k of 1..T lies around (k - 0.5) / T of the window.
        codes = sine_code(times * num_steps + 0.5, num_steps, self.size, self.position_unit)
        placed: Tensor = self.anchor_code(codes.flatten(-2))
        return placed
