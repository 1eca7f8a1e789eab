"""The recipe that is written has about as many steps as were planned."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sedt.audio import write_audio
from sedt.events import Event
from sedt.formats import write_events
from sedt.planning import Wishes, make_plan
from sedt.training.datasets import load_datasets

RATE = 16_000


@pytest.mark.parametrize(("seconds", "network"), [(1.0, "sedt"), (1.0, "crnn"), (12.0, "sedt")])
def test_recordings_shorter_and_a_little_longer_than_the_window(
    seconds: float, network: str, tmp_path: Path
) -> None:
    """A recording is a clip, however short, and a rest of one is another."""
    generator = np.random.default_rng(0)
    table = {}
    for number in range(60):
        name = f"{number:02}.wav"
        noise = generator.standard_normal(round(seconds * RATE)).astype(np.float32) * 0.1
        write_audio(tmp_path / "sounds" / name, noise, RATE)
        table[name] = [Event(0.2, 0.7, "bell" if number % 2 else "horn")]
    write_events(tmp_path / "sounds" / "labels.tsv", table)
    wishes = Wishes(network=network, step_s=0.05, window_s=10.0 if seconds > 10 else 5.0)
    plan = make_plan(tmp_path / "sounds", tmp_path / "r.toml", wishes)
    assert plan.cost is not None
    datasets = load_datasets(plan.recipe)
    stage = plan.recipe.finetune if network == "sedt" else plan.recipe.train_frames
    [clips] = datasets.training(datasets.strong).group_sizes()
    steps = -(-clips // stage.strong_per_batch) * stage.epochs
    assert steps == pytest.approx(plan.cost.finetuning, rel=0.1)
    if network == "sedt":
        [clips] = datasets.training(datasets.unlabelled).group_sizes()
        steps = -(-round(0.9 * clips) // plan.recipe.pretrain.batch_size) * plan.recipe.pretrain.epochs
        assert steps == pytest.approx(plan.cost.pretraining, rel=0.2)
