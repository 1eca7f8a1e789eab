"""How long training may take decides how many steps there are."""

from __future__ import annotations

import pytest

from sedt.config import ModelConfig, Recipe
from sedt.planning.cost import FRAME_STEPS, TUNING_STEPS, measure_step, plan_steps


def test_steps_fit_into_the_hours() -> None:
    free = plan_steps(0.001, hours=10, with_pretraining=True)
    assert free.finetuning == TUNING_STEPS
    tight = plan_steps(1.0, hours=1, with_pretraining=True)
    assert tight.hours == pytest.approx(1, rel=0.01)
    assert tight.tagging / free.tagging == pytest.approx(tight.finetuning / free.finetuning, rel=0.01)
    without = plan_steps(1.0, hours=1, with_pretraining=False)
    assert without.pretraining == 0
    assert without.finetuning > tight.finetuning
    frames = plan_steps(0.001, hours=1, with_pretraining=True, network="crnn")
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
