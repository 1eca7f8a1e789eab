"""Eq. 1-4: values by hand, gradients only where they belong."""

from __future__ import annotations

import math

import pytest
import torch

from sedt.batch import Predictions, Supervision, Targets
from sedt.losses.events import SetLoss
from sedt.losses.tags import tag_loss

CLASSES = 3


def targets(supervision: Supervision, *events: tuple[int, float, float]) -> Targets:
    """Targets from (label, centre, length)."""
    tags = torch.zeros(CLASSES)
    for label, _, _ in events:
        tags[label] = 1
    strong = supervision is Supervision.STRONG
    return Targets(
        supervision,
        tags,
        torch.tensor([e[0] for e in events] if strong else [], dtype=torch.int64),
        torch.tensor([e[1:] for e in events] if strong else []).reshape(-1, 2),
    )


def random_predictions(batch: int, queries: int = 5, layers: int = 2) -> Predictions:
    torch.manual_seed(7)
    return Predictions(
        torch.randn(layers, batch, queries, CLASSES + 1, requires_grad=True),
        torch.rand(layers, batch, queries, 2, requires_grad=True),
        torch.randn(batch, CLASSES, requires_grad=True),
    )


def test_values_by_hand() -> None:
    # One clip, one layer, two queries; the event is class 1 at (0.5, 0.2), that is 0.4..0.6.
    logits = torch.zeros(1, 1, 2, CLASSES + 1)
    spans = torch.tensor([[[[0.5, 0.4], [0.9, 0.1]]]])  # 0.3..0.7 and 0.85..0.95
    losses = SetLoss()(Predictions(logits, spans), [targets(Supervision.STRONG, (1, 0.5, 0.2))])
    assert losses.l1.item() == pytest.approx(0.1 + 0.1)
    assert losses.iou.item() == pytest.approx(1 - 0.2 / 0.4, abs=1e-5)
    # Both queries have probability 1/4 for their target: the weighted mean is -log(1/4) whatever the weights.
    assert losses.classes.item() == pytest.approx(math.log(4))
    total = SetLoss().total(losses).item()
    assert total == pytest.approx(math.log(4) + 5 * 0.2 + 2 * 0.5, abs=1e-4)


def test_no_object_weight_is_in_the_mean() -> None:
    logits = torch.zeros(1, 1, 2, CLASSES + 1)
    logits[..., 0, 1] = 2.0  # query 0 leans to the event's class
    spans = torch.tensor([[[[0.5, 0.2], [0.9, 0.1]]]])
    clip = [targets(Supervision.STRONG, (1, 0.5, 0.2))]
    event = -math.log(math.e**2 / (math.e**2 + 3))
    nothing = math.log(4)
    weighted = SetLoss(no_object_weight=0.1)(Predictions(logits, spans), clip).classes.item()
    plain = SetLoss(no_object_weight=1.0)(Predictions(logits, spans), clip).classes.item()
    assert weighted == pytest.approx((event + 0.1 * nothing) / 1.1, abs=1e-5)
    assert plain == pytest.approx((event + nothing) / 2, abs=1e-5)


def test_l1_on_spans_is_the_papers_text() -> None:
    spans = torch.tensor([[[[0.5, 0.4]]]])
    clip = [targets(Supervision.STRONG, (1, 0.6, 0.1))]
    losses = SetLoss(l1_on="span")(Predictions(torch.zeros(1, 1, 1, 4), spans), clip)
    assert losses.l1.item() == pytest.approx(0.1 + 0.3, abs=1e-6)


def test_weak_and_unlabelled_clips_reach_no_event_output() -> None:
    predictions = random_predictions(batch=3)
    clips = [
        targets(Supervision.WEAK, (0, 0.5, 0.5)),
        targets(Supervision.STRONG, (2, 0.5, 0.5)),
        targets(Supervision.NONE),
    ]
    SetLoss().total(SetLoss()(predictions, clips)).backward()
    for gradient in (predictions.class_logits.grad, predictions.spans.grad):
        assert gradient is not None
        assert gradient[:, 1].abs().sum() > 0
        assert gradient[:, [0, 2]].abs().sum() == 0
    assert predictions.tag_logits is not None
    assert predictions.tag_logits.grad is None


def test_tag_loss_reaches_labelled_clips_only() -> None:
    predictions = random_predictions(batch=3)
    clips = [
        targets(Supervision.WEAK, (0, 0.5, 0.5)),
        targets(Supervision.STRONG, (2, 0.5, 0.5)),
        targets(Supervision.NONE),
    ]
    assert predictions.tag_logits is not None
    tag_loss(predictions.tag_logits, clips).backward()
    gradient = predictions.tag_logits.grad
    assert gradient is not None
    assert (gradient.abs().sum(1) > 0).tolist() == [True, True, False]
    assert predictions.spans.grad is None


@pytest.mark.parametrize(
    "clips",
    [
        [targets(Supervision.STRONG), targets(Supervision.STRONG)],
        [targets(Supervision.WEAK, (0, 0.1, 0.1)), targets(Supervision.NONE)],
    ],
    ids=["no events", "no strong clip"],
)
def test_nothing_to_match_is_finite_and_keeps_the_graph(clips: list[Targets]) -> None:
    predictions = random_predictions(batch=2)
    total = SetLoss().total(SetLoss()(predictions, clips))
    assert torch.isfinite(total)
    total.backward()
    assert predictions.spans.grad is not None
    assert not predictions.spans.grad.any()


def test_without_tags_the_loss_is_zero() -> None:
    logits = torch.randn(2, CLASSES, requires_grad=True)
    loss = tag_loss(logits, [targets(Supervision.NONE), targets(Supervision.NONE)])
    loss.backward()
    assert loss.item() == 0


def test_auxiliary_losses_are_of_every_layer() -> None:
    clips = [targets(Supervision.STRONG, (1, 0.3, 0.2), (0, 0.7, 0.3))]
    predictions = random_predictions(batch=1, layers=3)
    layers = [
        SetLoss()(Predictions(predictions.class_logits[k : k + 1], predictions.spans[k : k + 1]), clips)
        for k in range(3)
    ]
    every = SetLoss()(predictions, clips)
    last = SetLoss(auxiliary=False)(predictions, clips)
    assert every.l1.item() == pytest.approx(sum(layer.l1.item() for layer in layers), rel=1e-5)
    assert last.classes.item() == pytest.approx(layers[-1].classes.item(), rel=1e-5)


def test_more_events_than_queries() -> None:
    clip = targets(Supervision.STRONG, *[(k % CLASSES, 0.1 * k, 0.05) for k in range(1, 8)])
    losses = SetLoss()(random_predictions(batch=1, queries=2), [clip])
    assert torch.isfinite(SetLoss().total(losses))


def test_batch_is_the_mean_over_pairs_not_over_clips() -> None:
    one = targets(Supervision.STRONG, (1, 0.3, 0.2))
    two = targets(Supervision.STRONG, (1, 0.3, 0.2), (0, 0.7, 0.3))
    predictions = random_predictions(batch=2, layers=1)
    first = SetLoss()(Predictions(predictions.class_logits[:, :1], predictions.spans[:, :1]), [one])
    second = SetLoss()(Predictions(predictions.class_logits[:, 1:], predictions.spans[:, 1:]), [two])
    both = SetLoss()(predictions, [one, two])
    assert both.l1.item() == pytest.approx((first.l1.item() + 2 * second.l1.item()) / 3, rel=1e-5)
