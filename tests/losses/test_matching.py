"""The matcher against all permutations, and the cost against its definition."""

from __future__ import annotations

from itertools import permutations

import pytest
import torch

from sedt.losses.matching import CostWeights, hungarian, matching_cost
from sedt.spans import generalized_iou, spans_to_edges


@pytest.mark.parametrize(("queries", "events"), [(1, 1), (3, 2), (5, 5), (6, 3), (2, 4)])
def test_no_permutation_is_cheaper(queries: int, events: int) -> None:
    generator = torch.Generator().manual_seed(queries * 10 + events)
    for _ in range(20):
        cost = torch.randn(queries, events, generator=generator)
        rows, columns = hungarian(cost)
        assert len(rows) == len(columns) == min(queries, events)
        assert len(set(rows.tolist())) == len(rows)
        assert len(set(columns.tolist())) == len(columns)
        if queries >= events:
            least = min(
                sum(float(cost[q, e]) for e, q in enumerate(chosen))
                for chosen in permutations(range(queries), events)
            )
        else:
            least = min(
                sum(float(cost[q, e]) for q, e in enumerate(chosen))
                for chosen in permutations(range(events), queries)
            )
        assert float(cost[rows, columns].sum()) == pytest.approx(least, abs=1e-5)


def test_cost_is_what_the_spec_says() -> None:
    torch.manual_seed(0)
    logits, spans = torch.randn(4, 6), torch.rand(4, 2)
    labels, targets = torch.tensor([1, 4, 1]), torch.rand(3, 2)
    cost = matching_cost(logits, spans, labels, targets, CostWeights())
    for q in range(4):
        for e in range(3):
            probability = logits[q].softmax(-1)[labels[e]]
            edges, true = spans_to_edges(spans[q]), spans_to_edges(targets[e])
            expected = -probability + 5 * (edges - true).abs().sum() - 2 * generalized_iou(edges, true)
            torch.testing.assert_close(cost[q, e], expected)


@pytest.mark.parametrize("term", ["classes", "l1", "iou"])
def test_a_weight_of_zero_takes_the_term_out(term: str) -> None:
    torch.manual_seed(1)
    spans, targets = torch.rand(4, 2), torch.rand(3, 2)
    labels = torch.tensor([0, 1, 2])
    weights = CostWeights(**{name: 0.0 for name in ("classes", "l1", "iou") if name != term})
    only = matching_cost(torch.randn(4, 5), spans, labels, targets, weights)
    again = matching_cost(torch.randn(4, 5), spans, labels, targets, weights)
    assert torch.equal(only, again) == (term != "classes")
    nothing = matching_cost(torch.randn(4, 5), spans, labels, targets, CostWeights(0.0, 0.0, 0.0))
    assert not nothing.any()


def test_no_events_match_nothing() -> None:
    rows, columns = hungarian(torch.zeros(5, 0))
    assert len(rows) == len(columns) == 0
