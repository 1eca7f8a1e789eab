"""Steps as targets, by cases worked by hand."""

from __future__ import annotations

import math

import pytest
import torch

from sedt.batch import Supervision, Targets
from sedt.losses.frames import frame_loss, frame_targets


def target(*events: tuple[float, float, int], weights: list[float] | None = None, steps: int = 10) -> Targets:
    """Onset and offset in steps of a window of `steps`, and class."""
    edges = torch.tensor([event[:2] for event in events]).reshape(-1, 2) / steps
    spans = torch.stack([edges.mean(1), edges[:, 1] - edges[:, 0]], dim=1)
    labels = torch.tensor([event[2] for event in events], dtype=torch.int64)
    given = None if weights is None else torch.tensor(weights)
    return Targets(Supervision.STRONG, torch.zeros(2), labels, spans, given)


@pytest.mark.parametrize(
    ("event", "sounding"),
    [
        ((2.0, 5.0), [2, 3, 4]),
        ((2.4, 5.6), [2, 3, 4, 5]),
        ((2.6, 5.4), [3, 4]),
        ((2.1, 2.3), [2]),  # short: the step that it lies in
        ((2.9, 3.2), [3]),
        ((0.0, 10.0), list(range(10))),
    ],
)
def test_a_step_sounds_if_an_event_fills_half_of_it(event: tuple[float, float], sounding: list[int]) -> None:
    wanted = frame_targets(target((*event, 1)), torch.zeros(10, 2), 10)
    assert wanted[:, 1].nonzero()[:, 0].tolist() == sounding
    assert not wanted[:, 0].any()


def test_weights_of_mixed_events_are_kept() -> None:
    wanted = frame_targets(target((0, 4, 0), (2, 6, 0), weights=[0.3, 0.7]), torch.zeros(10, 2), 10)
    assert wanted[:, 0].tolist() == pytest.approx([0.3, 0.3, 0.7, 0.7, 0.7, 0.7, 0, 0, 0, 0])


def test_only_strong_clips_count() -> None:
    weak = Targets(Supervision.WEAK, torch.ones(2), torch.zeros(0, dtype=torch.int64), torch.zeros(0, 2))
    logits = torch.zeros(2, 10, 2, requires_grad=True)
    loss = frame_loss(logits, [weak, target((0, 5, 0))], 10)
    assert loss.item() == pytest.approx(math.log(2))
    loss.backward()
    assert logits.grad is not None
    assert not logits.grad[0].any()
    assert (logits.grad[1, :5, 0] < 0).all()
    assert (logits.grad[1, 5:, 0] > 0).all()
    assert frame_loss(logits, [weak, weak], 10).item() == 0


def test_an_empty_clip_is_all_silence() -> None:
    assert not frame_targets(target(), torch.zeros(10, 2), 10).any()
