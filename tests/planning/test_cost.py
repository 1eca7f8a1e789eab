"""How long training may take decides how many steps there are."""

from __future__ import annotations

import pytest

from sedt.config import ModelConfig, Recipe
from sedt.planning.cost import FRAME_STEPS, TUNING_STEPS, USUAL_HOURS, measure_step, plan_steps

SEDT = ["tag_backbone", "pretrain", "finetune", "tune"]


def test_steps_fill_the_hours() -> None:
    """Fewer than the benchmarks took, or more; all stages in one proportion."""
    usual = plan_steps(0.001, hours=None, stages=SEDT)
    assert usual.finetuning == TUNING_STEPS
    for hours in (0.1, 1, 5):
        for step_s in (0.01, 1.0):
            planned = plan_steps(step_s, hours, SEDT)
            assert planned.hours == pytest.approx(hours, rel=0.03)
            assert planned.tagging / usual.tagging == pytest.approx(
                planned.finetuning / usual.finetuning, rel=0.05
            )


def test_nobody_waits_longer_than_usual_without_asking() -> None:
    assert plan_steps(1.0, None, SEDT).hours == pytest.approx(USUAL_HOURS, rel=0.01)


def test_a_stage_that_is_left_out_costs_nothing() -> None:
    """A backbone that knows images is not tagged: the time goes to the others."""
    whole, without = plan_steps(1.0, 1, SEDT), plan_steps(1.0, 1, ["pretrain", "finetune"])
    assert without.tagging == 0
    assert without.hours == pytest.approx(1, rel=0.01)
    assert without.finetuning > whole.finetuning
    assert plan_steps(1.0, 1, ["tag_backbone", "finetune"]).pretraining == 0
    frames = plan_steps(0.001, None, ["train_frames", "tune"])
    assert (frames.tagging, frames.pretraining, frames.finetuning) == (0, 0, FRAME_STEPS)


@pytest.mark.parametrize("network", ["sedt", "crnn", "conv_transformer"])
def test_a_longer_window_costs_more(network: str) -> None:
    """By a factor of eight, so that a busy machine does not turn it round."""
    seconds = [measure_step(recipe(network, window_s), num_classes=3) for window_s in (0.25, 2.0)]
    assert 0 < seconds[0] < seconds[1]


def recipe(network: str, window_s: float) -> Recipe:
    sizes = {"backbone": "resnet10t", "backbone_start": "random", "map_stage": 3, "encoder_layers": 1}
    model = ModelConfig.model_validate({"network": network, "window_s": window_s, "model_size": 32, **sizes})
    stage = "finetune" if network == "sedt" else "train_frames"
    return Recipe(name="x", model=model, stages=[stage])  # type: ignore[list-item]
