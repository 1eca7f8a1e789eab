"""The transformer of SEDT. It differs from torch.nn.Transformer in this:

- positions are added to queries and keys in every encoder layer and to the keys of cross-attention, not once
  to the input;
- query embeddings are added to queries and keys of the decoder's self-attention and to the queries of
  cross-attention;
- pre-norm, with a final norm on the encoder and on every decoder layer's output;
- every decoder layer's output is used, for the auxiliary losses, so `Trunk.decode` goes through them.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sedt.models.attention import Attention, Dropout


class FeedForward(nn.Sequential):
    """Linear, ReLU, dropout, linear: (..., size) -> (..., size)."""

    def __init__(self, size: int, hidden_size: int, dropout: float) -> None:
        super().__init__(
            nn.Linear(size, hidden_size), nn.ReLU(), Dropout(dropout), nn.Linear(hidden_size, size)
        )


class EncoderLayer(nn.Module):
    """Self-attention over the tokens of the map, then feed-forward; pre-norm."""

    def __init__(
        self, size: int, num_heads: int, ffn_size: int, dropout: float, attention_dropout: float
    ) -> None:
        super().__init__()
        self.attention = Attention(size, num_heads, attention_dropout)
        self.feed_forward = FeedForward(size, ffn_size, dropout)
        self.norm_attention, self.norm_ffn = nn.LayerNorm(size), nn.LayerNorm(size)
        self.dropout = Dropout(dropout)

    def forward(self, tokens: Tensor, positions: Tensor, padding: Tensor | None) -> Tensor:
        """tokens, positions (batch, tokens, size); padding (batch, tokens), True where nothing is."""
        normed = self.norm_attention(tokens)
        keys = normed + positions
        tokens = tokens + self.dropout(self.attention(keys, keys, normed, padding=padding))
        update = self.feed_forward(self.norm_ffn(tokens))
        return torch.add(tokens, self.dropout(update))


class DecoderLayer(nn.Module):
    """Self-attention among queries, cross-attention to the tokens, feed-forward; pre-norm."""

    def __init__(
        self, size: int, num_heads: int, ffn_size: int, dropout: float, attention_dropout: float
    ) -> None:
        super().__init__()
        self.self_attention = Attention(size, num_heads, attention_dropout)
        self.cross_attention = Attention(size, num_heads, attention_dropout)
        self.feed_forward = FeedForward(size, ffn_size, dropout)
        self.norm_self, self.norm_cross, self.norm_ffn = (nn.LayerNorm(size) for _ in range(3))
        self.dropout = Dropout(dropout)

    def forward(
        self,
        content: Tensor,
        queries: Tensor,
        tokens: Tensor,
        positions: Tensor,
        padding: Tensor | None,
        query_mask: Tensor | None,
    ) -> Tensor:
        """content, queries (batch, queries, size); query_mask (queries, queries), True where it is barred."""
        normed = self.norm_self(content)
        keys = normed + queries
        content = content + self.dropout(self.self_attention(keys, keys, normed, barred=query_mask))
        asking, keys = self.norm_cross(content) + queries, tokens + positions
        content = content + self.dropout(self.cross_attention(asking, keys, tokens, padding=padding))
        update = self.feed_forward(self.norm_ffn(content))
        return torch.add(content, self.dropout(update))


class Transformer(nn.Module):
    """E encoder layers and D decoder layers of width `size`."""

    def __init__(
        self,
        size: int = 256,
        num_heads: int = 8,
        ffn_size: int = 2048,
        encoder_layers: int = 3,
        decoder_layers: int = 3,
        dropout: float = 0.1,
        attention_dropout: float | None = None,
    ) -> None:
        super().__init__()
        on_attention = dropout if attention_dropout is None else attention_dropout
        layer = (size, num_heads, ffn_size, dropout, on_attention)
        self.encoder = nn.ModuleList(EncoderLayer(*layer) for _ in range(encoder_layers))
        self.decoder = nn.ModuleList(DecoderLayer(*layer) for _ in range(decoder_layers))
        self.norm_encoder, self.norm_decoder = nn.LayerNorm(size), nn.LayerNorm(size)
        for weight in self.parameters():
            if weight.dim() > 1:
                nn.init.xavier_uniform_(weight)

    def encode(self, tokens: Tensor, positions: Tensor, padding: Tensor | None = None) -> Tensor:
        """Self-attention over the map.

        Args:
            tokens: (batch, tokens, size), the projected map.
            positions: (batch or 1, tokens, size).
            padding: (batch, tokens), True where a token lies wholly behind the clip's end.

        Returns:
            (batch, tokens, size), after the final norm.
        """
        for layer in self.encoder:
            tokens = layer(tokens, positions, padding)
        normed: Tensor = self.norm_encoder(tokens)
        return normed
