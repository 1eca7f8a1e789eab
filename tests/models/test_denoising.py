"""Queries that are told events with noise (`loss.denoising_weight`)."""

from __future__ import annotations

import torch
from small import small_sedt

from sedt.batch import Supervision, Targets
from sedt.models.denoising import Denoising, DenoisingPlan
from sedt.spans import spans_to_edges

CLASSES, SIZE = 4, 32
SPANS = torch.tensor([[0.3, 0.2], [0.5, 0.9], [0.95, 0.1]])


def clip(supervision: Supervision, number: int) -> Targets:
    return Targets(supervision, torch.zeros(CLASSES), torch.arange(number), SPANS[:number])


def denoising(**plan: float) -> Denoising:
    torch.manual_seed(0)
    return Denoising(CLASSES, SIZE, DenoisingPlan(**plan))  # type: ignore[arg-type]


CLIPS = [clip(Supervision.STRONG, 3), clip(Supervision.WEAK, 0), clip(Supervision.STRONG, 1)]


def test_events_are_told_in_groups() -> None:
    told = denoising(groups=2, label_noise=0.0, span_noise=0.0)
    hints = told.hints(CLIPS)
    assert hints is not None
    assert hints.codes.shape == (3, 6, SIZE)
    assert hints.events.tolist() == [0, 1, 2, 0, 1, 2]
    labels = told.label_codes.weight
    torch.testing.assert_close(hints.codes[0], labels[[0, 1, 2, 0, 1, 2]])
    torch.testing.assert_close(hints.anchors[0], SPANS.repeat(2, 1))
    torch.testing.assert_close(hints.codes[2, [0, 3]], labels[[0, 0]])
    edges = spans_to_edges(hints.anchors)  # those of events that are not there as well
    assert edges.min() >= -1e-6
    assert edges.max() <= 1 + 1e-6
    assert hints.barred.tolist() == [[(i < 3) != (j < 3) for j in range(6)] for i in range(6)]


def test_the_noise_is_as_large_as_it_should_be() -> None:
    told = denoising(groups=2000, span_noise=0.4, label_noise=0.5)
    hints = told.hints([clip(Supervision.STRONG, 1)])
    assert hints is not None
    centre, length = hints.anchors[0].unbind(-1)
    moved = (centre - 0.3) / (0.2 / 2)
    assert 0.37 < moved.abs().max() <= 0.4 + 1e-5
    assert abs(moved.mean()) < 0.03
    changed = length / 0.2 - 1
    assert 0.37 < changed.abs().max() <= 0.4 + 1e-5
    assert abs(changed.mean()) < 0.03
    kept = (hints.codes[0] == told.label_codes.weight[0]).all(-1).float().mean()
    assert abs(kept - (0.5 + 0.5 / CLASSES)) < 0.05


def test_nothing_is_told_where_nothing_is_known() -> None:
    assert denoising().hints([clip(Supervision.WEAK, 0), clip(Supervision.STRONG, 0)]) is None


def test_who_must_find_events_sees_nobody_who_was_told() -> None:
    model, features = small_sedt(query_place="anchor"), torch.randn(3, 200, 64)
    hints = denoising(groups=2).hints(CLIPS)
    assert hints is not None
    with torch.no_grad():
        alone, beside = model(features), model(features, None, hints)
        turned = torch.where(torch.arange(6)[:, None] < 3, hints.codes, -hints.codes)
        other = model(features, None, hints._replace(codes=turned))
    assert alone.hinted is None
    for name in ("class_logits", "spans", "tag_logits"):
        torch.testing.assert_close(getattr(alone, name), getattr(beside, name))
    assert beside.hinted.class_logits.shape == (3, 3, 6, CLASSES + 1)
    assert beside.hinted.spans.shape == (3, 3, 6, 2)
    # Nor does one group see the other.
    torch.testing.assert_close(beside.hinted.spans[:, :, :3], other.hinted.spans[:, :, :3])
    assert not torch.allclose(beside.hinted.spans[:, :, 3:], other.hinted.spans[:, :, 3:], atol=1e-3)
