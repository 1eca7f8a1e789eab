"""What docs/extending.md says: parts of one's own, put into `build`, serve a whole training."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tiny import write_recipe
from torch import Tensor, nn

import sedt.build as build
from sedt.batch import Batch, Predictions, Targets
from sedt.config import AugmentationConfig, LossConfig, ModelConfig
from sedt.data.augmentation import Augmented
from sedt.detector import load
from sedt.features import Frontend
from sedt.losses.events import EventLosses, SetLoss
from sedt.models.map_backbone import MapBackbone
from sedt.recipe import load_recipe
from sedt.training.run import train


class Mine(MapBackbone):
    num_channels, time_stride = 16, 4

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(1, 16, 4, 4)
        self.norm = nn.BatchNorm2d(16)

    def forward(self, features: Tensor) -> Tensor:
        maps: Tensor = self.norm(self.convolution(features.unsqueeze(1))).relu()
        return maps


class Counting(SetLoss):
    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, predictions: Predictions, targets: list[Targets], **options: bool) -> EventLosses:  # type: ignore[override]
        losses = super().forward(predictions, targets, **options)  # type: ignore[arg-type]
        return replace(losses, extra={"count": self.scale.square()})


def test_a_whole_training_with_parts_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipes_own = build.augmentation
    loudest: list[float] = []

    def augmentation(
        settings: AugmentationConfig, frontend: Frontend, window_s: float
    ) -> Callable[[Batch], Augmented]:
        theirs = recipes_own(settings, frontend, window_s)

        def both(batch: Batch) -> Augmented:
            louder = replace(batch, waveforms=2 * batch.waveforms)
            loudest.append(float(louder.waveforms.abs().max() / batch.waveforms.abs().max()))
            return theirs(louder)

        return both

    def set_loss(config: LossConfig, model: ModelConfig) -> SetLoss:
        return Counting()

    monkeypatch.setitem(build.BACKBONES, "mine", lambda config: Mine())
    monkeypatch.setattr(build, "augmentation", augmentation)
    monkeypatch.setattr(build, "set_loss", set_loss)
    settings = ['stages=["tag_backbone", "finetune"]', 'model.backbone="mine"']
    settings += ["tag_backbone.epochs=1", "finetune.epochs=2", "finetune.validate_every=1"]
    recipe = load_recipe(write_recipe(tmp_path), settings)
    folder = train(recipe, tmp_path / "runs")
    with (folder / "metrics.csv").open(encoding="utf-8") as stream:
        counts = [float(row["loss_count"]) for row in csv.DictReader(stream) if row["stage"] == "finetune"]
    assert counts[1] < counts[0] == 1.0  # the loss's own parameter trains
    assert set(loudest) == {2.0}
    assert load(folder / "model").classes == ["chirp", "hiss", "tone"]
