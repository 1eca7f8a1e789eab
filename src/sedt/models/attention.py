"""Multi-head attention and dropout, as torch has them, but quick on a processor without GPU.

Weights have the names and shapes of `torch.nn.MultiheadAttention`, and the result is the same. What differs:
keys and queries that are one tensor are projected at once; and dropout on a CPU draws one 64-bit number for
four elements, where torch draws one for each, which took a quarter of a training step.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Dropout(nn.Module):
    """Zeroes elements with probability p (to 1/65536) while training; others are divided by 1 - p."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        """Any shape."""
        if not self.training or self.p == 0:
            return x
        if x.device.type != "cpu" or self.p == 1:
            return F.dropout(x, self.p)
        return x * keep_factors(x, self.p)

    def extra_repr(self) -> str:
        """For printing."""
        return f"p={self.p}"


def keep_factors(like: Tensor, p: float) -> Tensor:
    """0 with probability p, else 1 / (1 - p), in the shape and type of `like`; on the CPU."""
    draws = torch.empty(-(-like.numel() // 4), dtype=torch.int64).random_(-(2**63), None)
    numbers = draws.view(torch.int16)[: like.numel()]  # uniform in -32768..32767
    if like.dim() == 4 and like.is_contiguous(memory_format=torch.channels_last):  # as maps are
        numbers = numbers.as_strided(like.shape, like.stride())
    else:
        numbers = numbers.view(like.shape)
    kept = numbers.ge_(round(p * 65_536) - 32_768)  # 0 or 1, in place: four times as fast as by way of bool
    if like.dtype.itemsize == kept.dtype.itemsize:  # then a product of bits is the product
        bits = torch.tensor(1 / (1 - p), dtype=like.dtype).view(torch.int16)
        return kept.mul_(int(bits)).view(like.dtype)
    return kept.to(like.dtype).mul_(1 / (1 - p))


class Attention(nn.Module):
    """Scaled dot-product attention of `num_heads` heads.

    Args:
        size: of queries, keys and values.
        num_heads: a divisor of `size`.
        dropout: on the attention weights.
    """

    def __init__(self, size: int, num_heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.dropout = Dropout(dropout)
        self.in_proj_weight = nn.Parameter(torch.empty(3 * size, size))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * size))
        self.out_proj = nn.Linear(size, size)
        nn.init.xavier_uniform_(self.in_proj_weight)
        nn.init.zeros_(self.out_proj.bias)

    def forward(
        self,
        queries: Tensor,
        keys: Tensor,
        values: Tensor,
        *,
        padding: Tensor | None = None,
        barred: Tensor | None = None,
    ) -> Tensor:
        """Attend.

        Args:
            queries: (batch, queries, size).
            keys, values: (batch, keys, size).
            padding: (batch, keys), True where nothing is.
            barred: (queries, keys), the attention mask: True where a query may not look. Each query must
                see some key.

        Returns:
            (batch, queries, size).
        """
        q, k, v = (self._heads(part) for part in self._project(queries, keys, values))
        allowed = _allowed(padding, barred)
        if self.training and q.device.type == "cpu":
            attended = self._attend(q, k.to(q.dtype), v.to(q.dtype), allowed)
        else:
            p = self.dropout.p if self.training else 0.0
            attended = F.scaled_dot_product_attention(q, k, v, allowed, p)
        out: Tensor = self.out_proj(attended.transpose(1, 2).flatten(2))
        return out

    def _project(self, queries: Tensor, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        size = queries.shape[-1]
        weight, bias = self.in_proj_weight, self.in_proj_bias
        v = F.linear(values, weight[2 * size :], bias[2 * size :])
        if queries is keys:
            q, k = F.linear(queries, weight[: 2 * size], bias[: 2 * size]).chunk(2, dim=-1)
            return q, k, v
        q = F.linear(queries, weight[:size], bias[:size])
        return q, F.linear(keys, weight[size : 2 * size], bias[size : 2 * size]), v

    def _heads(self, x: Tensor) -> Tensor:
        """(batch, items, size) -> (batch, heads, items, size of a head)."""
        return x.reshape(*x.shape[:2], self.num_heads, -1).transpose(1, 2)

    def _attend(self, q: Tensor, k: Tensor, v: Tensor, allowed: Tensor | None) -> Tensor:
        """Step by step, which is the quickest on a CPU for the few tokens of a window."""
        with torch.autocast("cpu", enabled=False):  # which would have the weights in float32
            scores = (q / math.sqrt(q.shape[-1])) @ k.transpose(-2, -1)
            if allowed is not None:
                scores = scores.masked_fill(~allowed, -math.inf)
            return torch.as_tensor(self.dropout(scores.softmax(-1)) @ v)


def _allowed(padding: Tensor | None, barred: Tensor | None) -> Tensor | None:
    """True where a query may look; broadcasts over (batch, heads, queries, keys)."""
    if padding is None:
        return None if barred is None else ~barred
    seen = ~padding[:, None, None, :]
    return seen if barred is None else seen & ~barred
