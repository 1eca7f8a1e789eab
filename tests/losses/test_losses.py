"""Eq. 1-4: values by hand, gradients only where they belong."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torchvision.ops import sigmoid_focal_loss

from sedt.batch import Predictions, Supervision, Targets
from sedt.losses.classes import CrossEntropy, Focal
from sedt.losses.events import EventLosses, SetLoss
from sedt.losses.tags import tag_loss

CLASSES = 3


def weighted(target: Targets, *weights: float) -> Targets:
    """The same targets; each event counts so much."""
    return replace(target, weights=torch.tensor(weights))


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
    weighted = SetLoss(classes=CrossEntropy(0.1))(Predictions(logits, spans), clip).classes.item()
    plain = SetLoss(classes=CrossEntropy(1.0))(Predictions(logits, spans), clip).classes.item()
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


def test_cross_entropy_is_torchs_weighted_mean() -> None:
    torch.manual_seed(3)
    logits, wanted = torch.randn(3, 7, 5), torch.randint(0, 5, (3, 7))
    class_weights = torch.tensor([1.0, 1.0, 1.0, 1.0, 0.1])
    expected = torch.nn.functional.cross_entropy(logits.transpose(1, 2), wanted, class_weights)
    found = CrossEntropy(0.1).loss(logits, wanted, torch.ones(3, 7), num_classes=4)
    torch.testing.assert_close(found, expected)


def test_weights_go_with_the_pairs_in_whatever_order_they_match() -> None:
    # Queries lie at the events in reverse order, so order of targets and of queries differ.
    spans = torch.tensor([[[[0.82, 0.2], [0.5, 0.3], [0.2, 0.2]]]])
    logits = torch.zeros(1, 1, 3, CLASSES + 1)
    clip = targets(Supervision.STRONG, (1, 0.2, 0.2), (2, 0.8, 0.2))
    losses = SetLoss()(Predictions(logits, spans), [weighted(clip, 0.75, 0.25)])
    # Event 0 is met exactly; event 1 is missed by 0.02 at both edges, and weighs a quarter.
    assert losses.l1.item() == pytest.approx(0.25 * 0.04, abs=1e-6)
    alone = SetLoss()(Predictions(logits, spans), [weighted(clip, 0.0, 1.0)])
    assert alone.l1.item() == pytest.approx(0.04, abs=1e-6)


def test_full_weights_change_nothing() -> None:
    clip = targets(Supervision.STRONG, (1, 0.3, 0.2), (0, 0.7, 0.3))
    predictions = random_predictions(batch=1)
    plain, ones = (SetLoss()(predictions, [t]).items() for t in (clip, weighted(clip, 1.0, 1.0)))
    for name in plain:
        torch.testing.assert_close(plain[name], ones[name])


def test_an_event_of_no_weight_teaches_nothing() -> None:
    predictions = random_predictions(batch=1, layers=1)
    loss = SetLoss(classes=CrossEntropy(0.0))
    loss.total(loss(predictions, [weighted(targets(Supervision.STRONG, (1, 0.3, 0.2)), 0.0)])).backward()
    for gradient in (predictions.spans.grad, predictions.class_logits.grad):
        assert gradient is not None
        assert not gradient.any()


def test_one_to_many_is_of_the_last_layer_alone() -> None:
    # Two queries at the only event: both answer for it, in the last layer, if the draw says so (here 1/2).
    logits = torch.zeros(2, 1, 2, CLASSES + 1)
    spans = torch.tensor([[0.5, 0.2], [0.5, 0.24]]).expand(2, 1, 2, 2)
    clip = [targets(Supervision.STRONG, (1, 0.5, 0.2))]
    predictions = Predictions(logits, spans)
    values = set()
    for seed in range(20):
        torch.manual_seed(seed)
        values.add(round(SetLoss()(predictions, clip, one_to_many=True).l1.item(), 4))
    # L1 0 in both layers; or, in the last, the mean of 0 and 0.04.
    assert values == {0.0, 0.02}
    assert SetLoss()(predictions, clip).l1.item() == pytest.approx(0.0, abs=1e-6)


def test_known_events_cost_what_the_same_matches_cost() -> None:
    clips = [
        targets(Supervision.STRONG, (0, 0.1, 0.3), (1, 0.5, 0.9)),
        targets(Supervision.WEAK),
        targets(Supervision.STRONG, (2, 0.2, 0.4)),
    ]
    predictions = random_predictions(3, queries=4)
    events = torch.tensor([1, 0, 1, 0])
    known = SetLoss().of_known(predictions, clips, events)
    # Two queries for each event: the mean of the losses of two sets in which each event has one.
    own = torch.tensor([[True, False], [False, True]])
    halves = []
    for half in (slice(0, 2), slice(2, 4)):
        part = Predictions(predictions.class_logits[:, :, half], predictions.spans[:, :, half])
        allowed = own.flip(1).expand(3, -1, -1)
        # A clip of one event allows its query alone.
        halves.append(SetLoss().forward(part, clips, allowed=allowed))
    torch.testing.assert_close(known.l1, (halves[0].l1 + halves[1].l1) / 2)
    torch.testing.assert_close(known.iou, (halves[0].iou + halves[1].iou) / 2)
    torch.testing.assert_close(known.classes, (halves[0].classes + halves[1].classes) / 2)
    last = SetLoss(auxiliary=False).of_known(predictions, clips, events)
    assert last.l1 < known.l1


def test_focal_loss_by_hand() -> None:
    logits = torch.tensor([[[2.0, -1.0], [0.5, -3.0]]])
    wanted = torch.tensor([[0, 2]])  # query 0 is class 0, query 1 is free
    found = Focal(0.25, 2.0).loss(logits, wanted, torch.ones(1, 2), num_classes=2).item()

    def term(logit: float, there: bool) -> float:
        p = 1 / (1 + math.exp(-logit))
        return -0.25 * (1 - p) ** 2 * math.log(p) if there else -0.75 * p**2 * math.log(1 - p)

    assert found == pytest.approx(term(2, True) + term(-1, False) + term(0.5, False) + term(-3, False))


def test_focal_cost_prefers_the_likelier_query() -> None:
    logits = torch.tensor([[3.0, -2.0], [-1.0, 2.0], [0.0, 0.0]])
    cost = Focal().cost(logits, torch.tensor([0, 1]))
    assert cost.argmin(0).tolist() == [0, 1]
    there = sigmoid_focal_loss(logits[0, :1], torch.ones(1), 0.5, 1.0)
    absent = sigmoid_focal_loss(logits[0, :1], torch.zeros(1), 0.5, 1.0)
    torch.testing.assert_close(cost[0, 0], (there - absent)[0])


def test_focal_predictions_have_no_output_for_no_event() -> None:
    logits = torch.randn(1, 1, 4, CLASSES, requires_grad=True)
    predictions = Predictions(logits, torch.rand(1, 1, 4, 2), exclusive=False)
    assert predictions.num_classes == CLASSES
    torch.testing.assert_close(
        torch.from_numpy(predictions.probabilities().classes), logits[-1].sigmoid().detach()
    )
    loss = SetLoss(classes=Focal())
    losses = loss(predictions, [targets(Supervision.STRONG, (2, 0.5, 0.2))])
    loss.total(losses).backward()
    assert logits.grad is not None
    assert (logits.grad.abs().sum(-1) > 0).all()


class OfOnesOwn(SetLoss):
    """A term more, and events answer to the first query whatever it says."""

    def forward(self, predictions: Predictions, targets: list[Targets], **options: bool) -> EventLosses:  # type: ignore[override]
        losses = super().forward(predictions, targets)
        return replace(losses, extra={"mean": 3 * predictions.spans.mean()})

    def cost(self, logits: Tensor, spans: Tensor, labels: Tensor, target_spans: Tensor) -> Tensor:
        plain = super().cost(logits, spans, labels, target_spans)
        return plain + 1e3 * torch.arange(plain.shape[1])[None, :, None]


def test_a_loss_is_built_upon_this_one() -> None:
    predictions = random_predictions(batch=2)
    clips = [targets(Supervision.STRONG, (1, 0.5, 0.2)), targets(Supervision.STRONG, (0, 0.1, 0.1))]
    loss = OfOnesOwn()
    losses = loss(predictions, clips)
    assert all(match.queries.tolist() == [0, 0] for match in losses.matches)
    mean = 3 * predictions.spans.mean()
    torch.testing.assert_close(losses.items()["loss_mean"], mean)
    torch.testing.assert_close(loss.total(losses), loss.total(replace(losses, extra={})) + mean)


def test_a_class_loss_of_other_outputs_is_told() -> None:
    clip = [targets(Supervision.STRONG, (2, 0.5, 0.2))]
    predictions = random_predictions(batch=1)
    with pytest.raises(
        ValueError, match=r"4 outputs where this loss needs 3: model\.class_scores is not 'sigmoid'"
    ):
        SetLoss(classes=Focal())(replace(predictions, exclusive=True), clip)
    fewer = replace(predictions, class_logits=predictions.class_logits[..., :CLASSES], exclusive=False)
    with pytest.raises(
        ValueError, match=r"3 outputs where this loss needs 4: model\.class_scores is not 'softmax'"
    ):
        SetLoss()(fewer, clip)
