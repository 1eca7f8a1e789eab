"""Eq. 5, and matching to one's own patch."""

from __future__ import annotations

import math

import pytest
import torch

from sedt.batch import PatchPredictions, Predictions, Supervision, Targets
from sedt.losses.events import Matches, SetLoss
from sedt.losses.reconstruction import reconstruction_distance, reconstruction_loss


def test_distance_by_hand() -> None:
    p = torch.tensor([[3.0, 4.0], [1.0, 0.0], [1.0, 0.0], [2.0, 0.0]])
    q = torch.tensor([[6.0, 8.0], [0.0, 5.0], [-2.0, 0.0], [1.0, 1.0]])
    wanted = torch.tensor([0.0, 2.0, 4.0, 2 - math.sqrt(2)])
    torch.testing.assert_close(reconstruction_distance(p, q), wanted)


def predictions(layers: int = 2, batch: int = 2) -> PatchPredictions:
    torch.manual_seed(0)
    return PatchPredictions(
        torch.randn(layers, batch, 4, 2, requires_grad=True),
        torch.rand(layers, batch, 4, 2, requires_grad=True),
        torch.randn(layers, batch, 4, 6, requires_grad=True),
        torch.randn(batch, 2, 6),
        torch.tensor([0, 0, 1, 1]),
    )


def matches(layer: int, *pairs: tuple[int, int, int]) -> Matches:
    columns = torch.tensor(pairs, dtype=torch.int64).reshape(-1, 3).unbind(1)
    return Matches(layer, *columns)


def test_loss_is_the_mean_over_pairs_summed_over_layers() -> None:
    out = predictions()
    found = [matches(0, (0, 1, 0), (1, 3, 1)), matches(1, (1, 0, 0))]
    wanted = sum(
        torch.stack(
            [
                (out.patch_features[c, p] / out.patch_features[c, p].norm()
                - out.reconstructions[layer, c, q] / out.reconstructions[layer, c, q].norm()).square().sum()
                for c, q, p in zip(clips.tolist(), queries.tolist(), patches.tolist(), strict=True)
            ]
        ).mean()
        for layer, clips, queries, patches in found
    )  # fmt: skip
    torch.testing.assert_close(reconstruction_loss(out, found), wanted)


def test_no_pair_no_loss_but_a_graph() -> None:
    out = predictions()
    loss = reconstruction_loss(out, [matches(0), matches(1)])
    loss.backward()
    assert loss == 0
    assert out.reconstructions.grad is not None


def test_only_matched_queries_learn() -> None:
    out = predictions()
    reconstruction_loss(out, [matches(1, (0, 2, 1))]).backward()
    assert out.reconstructions.grad is not None
    moved = out.reconstructions.grad.abs().sum(-1).nonzero().tolist()
    assert moved == [[1, 0, 2]]


def patch_targets(spans: torch.Tensor) -> Targets:
    return Targets(Supervision.STRONG, torch.zeros(1), torch.zeros(len(spans), dtype=torch.int64), spans)


@pytest.mark.parametrize("own", [True, False])
def test_a_patch_is_matched_to_queries_that_were_told_it(own: bool) -> None:
    """Queries 0 and 1 were told patch 0, but 2 and 3 lie there."""
    patches = torch.tensor([[0.2, 0.2], [0.8, 0.2]])
    spans = torch.tensor([[0.8, 0.2], [0.5, 0.2], [0.2, 0.2], [0.3, 0.2]])[None, None]
    out = Predictions(torch.zeros(1, 1, 4, 2), spans)
    allowed = torch.tensor([[[True, False]] * 2 + [[False, True]] * 2]) if own else None
    (found,) = SetLoss()(out, [patch_targets(patches)], allowed=allowed).matches
    pairs = dict(zip(found.events.tolist(), found.queries.tolist(), strict=True))
    assert pairs == ({0: 1, 1: 3} if own else {0: 2, 1: 0})
    assert found.clips.tolist() == [0, 0]


def test_matches_name_the_clip_in_the_batch() -> None:
    """Clips in which nothing sounds take no part, but keep their number."""
    nothing = Targets(Supervision.NONE, torch.zeros(1), torch.zeros(0, dtype=torch.int64), torch.zeros(0, 2))
    spans = torch.rand(2, 3, 4, 2)
    target = patch_targets(torch.tensor([[0.5, 0.2]]))
    losses = SetLoss()(Predictions(torch.zeros(2, 3, 4, 2), spans), [nothing, target, nothing])
    assert [m.layer for m in losses.matches] == [0, 1]
    assert [m.clips.tolist() for m in losses.matches] == [[1], [1]]
