from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from sedt.spans import edges_to_spans, generalized_iou, iou, pairwise, spans_to_edges

Floats = NDArray[np.float64]

share = st.floats(0, 1)
span_arrays = arrays(np.float64, st.tuples(st.integers(0, 6), st.just(2)), elements=share)
edge = st.tuples(share, share).map(lambda pair: (min(pair), max(pair)))
edge_pairs = st.tuples(edge, edge)
# Lengths far above EPSILON, for what EPSILON changes.
long_edge = st.tuples(st.floats(0, 0.9), st.floats(0.01, 0.1)).map(lambda p: (p[0], p[0] + p[1]))

GRID = 1000


def cells(onset: float, offset: float) -> set[int]:
    return set(range(round(onset * GRID), round(offset * GRID)))


def brute_iou(a: tuple[float, float], b: tuple[float, float]) -> float:
    union = cells(*a) | cells(*b)
    return len(cells(*a) & cells(*b)) / len(union) if union else 0.0


def brute_generalized_iou(a: tuple[float, float], b: tuple[float, float]) -> float:
    union, hull = cells(*a) | cells(*b), cells(min(a[0], b[0]), max(a[1], b[1]))
    return brute_iou(a, b) - (len(hull - union) / len(hull) if hull else 0.0)


grid_edge = st.tuples(st.integers(0, 60), st.integers(0, 30)).map(lambda p: (p[0] / GRID, sum(p) / GRID))


@given(span_arrays)
def test_there_and_back(spans: Floats) -> None:
    np.testing.assert_allclose(edges_to_spans(spans_to_edges(spans)), spans, atol=1e-12)


@given(span_arrays)
def test_back_and_there(edges: Floats) -> None:
    np.testing.assert_allclose(spans_to_edges(edges_to_spans(edges)), edges, atol=1e-12)


def test_known_values() -> None:
    np.testing.assert_allclose(spans_to_edges(np.array([0.5, 0.2])), [0.4, 0.6])
    np.testing.assert_allclose(edges_to_spans(np.array([0.4, 0.6])), [0.5, 0.2])


@given(span_arrays)
def test_torch_says_what_numpy_says(spans: Floats) -> None:
    tensor = torch.from_numpy(spans)
    for convert in (spans_to_edges, edges_to_spans):
        np.testing.assert_allclose(convert(tensor).numpy(), convert(spans))
    edges = np.sort(spans, axis=-1)
    for overlap in (iou, generalized_iou):
        of_torch = overlap(*pairwise(torch.from_numpy(edges), torch.from_numpy(edges)))
        assert of_torch.shape == (len(edges), len(edges))
        np.testing.assert_allclose(of_torch.numpy(), overlap(*pairwise(edges, edges)), atol=1e-12)


@given(grid_edge, grid_edge)
def test_overlaps_by_counting_cells(a: tuple[float, float], b: tuple[float, float]) -> None:
    first, second = np.array(a), np.array(b)
    assert iou(first, second) == pytest.approx(brute_iou(a, b), abs=1e-3)
    assert generalized_iou(first, second) == pytest.approx(brute_generalized_iou(a, b), abs=1e-3)


@given(edge_pairs)
def test_bounds(edges: tuple[tuple[float, float], tuple[float, float]]) -> None:
    a, b = np.array(edges[0]), np.array(edges[1])
    assert 0 <= iou(a, b) <= 1
    assert -1 <= generalized_iou(a, b) <= iou(a, b) + 1e-9
    assert generalized_iou(a, b) == pytest.approx(generalized_iou(b, a), abs=1e-12)


@given(long_edge)
def test_a_span_overlaps_itself_fully(edge: tuple[float, float]) -> None:
    a = np.array(edge)
    assert iou(a, a) == pytest.approx(1, abs=1e-4)
    assert generalized_iou(a, a) == pytest.approx(1, abs=1e-4)


@given(long_edge, st.floats(0.001, 5), st.floats(0.001, 5))
def test_a_wider_gap_is_worse(edge: tuple[float, float], gap: float, more: float) -> None:
    """What IoU alone cannot say: which of two spans without overlap lies nearer."""
    a = np.array(edge)
    near, far = a + a[1] - a[0] + gap, a + a[1] - a[0] + gap + more
    assert iou(a, near) == iou(a, far) == 0
    assert generalized_iou(a, far) < generalized_iou(a, near) < 0


@pytest.mark.parametrize("overlap", [iou, generalized_iou])
def test_empty_spans_stay_finite_with_a_gradient(overlap: Callable[[Any, Any], Any]) -> None:
    a = torch.tensor([[0.3, 0.3], [0.3, 0.3]], requires_grad=True)
    b = torch.tensor([[0.3, 0.3], [0.7, 0.7]])
    values = overlap(a, b)
    values.sum().backward()
    assert torch.isfinite(values).all()
    assert a.grad is not None
    assert torch.isfinite(a.grad).all()


def test_the_gradient_pulls_spans_without_overlap_together() -> None:
    a = torch.tensor([0.1, 0.2], requires_grad=True)
    (gradient,) = torch.autograd.grad(generalized_iou(a, torch.tensor([0.5, 0.6])), a)
    assert gradient[1] > 0  # a later offset lies nearer to the other span


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_kind_of_number_stays(dtype: torch.dtype) -> None:
    edges = torch.tensor([[0.1, 0.4]], dtype=dtype)
    assert generalized_iou(edges, edges).dtype == spans_to_edges(edges).dtype == dtype
    array = edges.numpy()
    assert generalized_iou(array, array).dtype == spans_to_edges(array).dtype == array.dtype


def test_pairwise_broadcasts_every_pair() -> None:
    a, b = pairwise(np.zeros((3, 2)), np.zeros((5, 2)))
    assert iou(a, b).shape == (3, 5)


def test_numpy_needs_no_torch() -> None:
    """Decoding an exported model works where torch is not installed."""
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "import numpy as np; from sedt.spans import generalized_iou, spans_to_edges\n"
        "edges = spans_to_edges(np.array([[0.5, 0.2]])); print(generalized_iou(edges, edges).item())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(done.stdout) == pytest.approx(1, abs=1e-5)
