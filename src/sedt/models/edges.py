"""Edges read off the map: a query points at the steps near to its span where its sound begins and ends.

In the paper a query tells its span out of one vector, in which all that it has gathered lies; to become sharp
takes long. Here that span is the first guess. Around each of its edges the query compares what it looks for
with what the encoder has heard at each boundary between two steps, and takes the mean of their times, by fit
and nearness. Where nothing fits better than the rest the guess stays, so that training begins as without.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from sedt.spans import edges_to_spans, spans_to_edges

REACH_STEPS = 4.0
"""Standard deviation of how near boundaries must lie, in steps of the map, at first; it is learned."""
BEYOND_STEPS = 12
"""Boundaries outside the window, where nothing is heard: a guess at its border is not drawn inward."""


class EdgePointer(nn.Module):
    """Spans of queries -> spans whose edges lie where the map says.

    Args:
        size: of queries and tokens.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.heard = nn.Conv1d(size, 2 * size, kernel_size=2, padding=1)
        self.sought = nn.Linear(size, 2 * size)
        self.log_reach = nn.Parameter(torch.full((2,), REACH_STEPS).log())
        nn.init.zeros_(self.sought.weight)
        nn.init.zeros_(self.sought.bias)

    def boundaries(self, encoded: Tensor, num_steps: int, padding: Tensor | None = None) -> Tensor:
        """What is heard at each boundary: (batch, steps * frequency, size) -> (batch, 2, boundaries, size).

        Boundary k lies between steps k - 1 and k, the first and the last at the window's ends; then those
        beyond on both sides. First for onsets, then for offsets. Where `padding` (batch, steps * frequency)
        is true, nothing is heard: a clip ends as a window does.
        """
        steps = torch.unflatten(encoded, 1, (num_steps, -1)).mean(2).transpose(1, 2)
        behind = None
        if padding is not None:
            behind = torch.unflatten(padding, 1, (num_steps, -1))[:, None, :, 0]
            steps = steps.masked_fill(behind, 0.0)
        found = self.heard(steps)
        if behind is not None:  # the boundary at the clip's end is the last
            found = found.masked_fill(functional.pad(behind, (1, 0), value=False), 0.0)
        heard = functional.pad(found, (BEYOND_STEPS, BEYOND_STEPS)).float()
        return torch.stack(heard.transpose(1, 2).chunk(2, dim=-1), dim=1)

    def forward(self, content: Tensor, spans: Tensor, boundaries: Tensor) -> Tensor:
        """(batch, queries, size), (batch, queries, 2), see `boundaries` -> spans (batch, queries, 2)."""
        num_steps = boundaries.shape[2] - 1 - 2 * BEYOND_STEPS
        sought = self.sought(content).float().unflatten(-1, (2, -1)).transpose(1, 2)
        # (batch, 2, queries, boundaries)
        fit = sought @ boundaries.transpose(2, 3) * sought.shape[-1] ** -0.5
        times = torch.arange(-BEYOND_STEPS, num_steps + BEYOND_STEPS + 1, device=fit.device)
        guess = spans_to_edges(spans).transpose(1, 2)[..., None] * num_steps
        away = (times - guess) / self.log_reach.exp()[:, None, None]
        weights = (fit - away.square() / 2).softmax(-1)
        edges = ((weights * times).sum(-1) / num_steps).clamp(0, 1).transpose(1, 2)
        onset, offset = edges.unbind(-1)
        return edges_to_spans(torch.stack([torch.minimum(onset, offset), torch.maximum(onset, offset)], -1))
