"""Spans: the only place that converts normalised (centre, length) and (onset, offset).

A *span* is a pair (centre, length) as a share of the model's window; *edges* are the pair (onset, offset)
of the same stretch. Every function takes numpy arrays or torch tensors and gives back the same kind, so
that decoding needs no torch.
"""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Array = TypeVar("Array")
"""A numpy array or a torch tensor."""

EPSILON = 1e-7  # keeps the division of two empty spans finite


def spans_to_edges(spans: Array) -> Array:
    """(centre, length) -> (onset, offset). Shape (..., 2) -> (..., 2)."""
    any_spans: Any = spans
    centre, length = any_spans[..., 0], any_spans[..., 1]
    edges: Array = _stack(centre - length / 2, centre + length / 2)
    return edges


def edges_to_spans(edges: Array) -> Array:
    """(onset, offset) -> (centre, length). Shape (..., 2) -> (..., 2)."""
    any_edges: Any = edges
    onset, offset = any_edges[..., 0], any_edges[..., 1]
    spans: Array = _stack((onset + offset) / 2, offset - onset)
    return spans


def iou(edges_a: Array, edges_b: Array) -> Array:
    """Intersection over union of edges; shapes (..., 2), broadcast against each other -> (...)."""
    shared, union, _ = _overlap(edges_a, edges_b)
    result: Array = shared / (union + EPSILON)
    return result


def generalized_iou(edges_a: Array, edges_b: Array) -> Array:
    """Generalised IoU in one dimension, in -1..1: IoU minus the share of the hull that is a gap.

    Shapes (..., 2), broadcast -> (...). In one dimension the hull exceeds the union only where two spans
    do not touch.
    """
    shared, union, hull = _overlap(edges_a, edges_b)
    result: Array = shared / (union + EPSILON) - (hull - union) / (hull + EPSILON)
    return result


def pairwise(edges_a: Array, edges_b: Array) -> tuple[Array, Array]:
    """Views for every pair, to broadcast: (..., a, 2), (..., b, 2) -> (..., a, 1, 2), (..., 1, b, 2)."""
    any_a: Any = edges_a
    any_b: Any = edges_b
    return any_a[..., :, None, :], any_b[..., None, :, :]


def _overlap(edges_a: Any, edges_b: Any) -> tuple[Any, Any, Any]:
    """Lengths of intersection, union and hull."""
    low, high = _minimum, _maximum
    shared = high(low(edges_a[..., 1], edges_b[..., 1]) - high(edges_a[..., 0], edges_b[..., 0]), 0)
    union = (edges_a[..., 1] - edges_a[..., 0]) + (edges_b[..., 1] - edges_b[..., 0]) - shared
    hull = high(edges_a[..., 1], edges_b[..., 1]) - low(edges_a[..., 0], edges_b[..., 0])
    return shared, union, hull


def _is_numpy(x: Any) -> bool:
    return isinstance(x, np.ndarray | np.generic | float | int)


def _stack(a: Any, b: Any) -> Any:
    if _is_numpy(a):
        return np.stack([a, b], axis=-1)
    import torch

    return torch.stack([a, b], dim=-1)


def _maximum(a: Any, b: Any) -> Any:
    if _is_numpy(a):
        return np.maximum(a, b)
    return a.clamp(min=b) if isinstance(b, int | float) else a.maximum(b)


def _minimum(a: Any, b: Any) -> Any:
    result: NDArray[np.float64] = np.minimum(a, b) if _is_numpy(a) else a.minimum(b)
    return result
