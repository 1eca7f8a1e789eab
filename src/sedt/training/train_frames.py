"""The stage of the paper's baselines: a network without queries learns steps and tags from labels."""

from __future__ import annotations

from typing import Any

import lightning as L
from torch import Tensor

import sedt.build as build
from sedt.batch import Batch, FramePredictions, Probabilities
from sedt.config import Recipe, TrainFramesConfig
from sedt.data.augmentation import Augmentation
from sedt.data.sampler import GroupBatchSampler
from sedt.features import Frontend
from sedt.losses.frames import frame_loss
from sedt.losses.tags import tag_loss
from sedt.models.frames import FrameDetector
from sedt.training.datasets import Datasets
from sedt.training.loaders import training_loader, window_loader
from sedt.training.modules import log_losses, silent, with_schedule
from sedt.training.optimizer import make_optimizer
from sedt.training.stages import use_channels_last
from sedt.training.trainer import StageRun, fit
from sedt.training.validation import score_events


class TrainFramesModule(L.LightningModule):
    """Steps of strong clips, tags of all labelled clips."""

    def __init__(
        self,
        frontend: Frontend,
        network: FrameDetector,
        augmentation: Augmentation,
        config: TrainFramesConfig,
        window_s: float,
    ) -> None:
        super().__init__()
        self.frontend = frontend.requires_grad_(False)
        self.network, self.augmentation = network, augmentation
        self.config, self.window_s = config, window_s

    def training_step(self, batch: Batch, batch_index: int) -> Tensor:
        """Loss of one batch."""
        augmented = self.augmentation(batch)
        predictions = self._predict(augmented.features, augmented.num_samples, batch.waveforms.shape[-1])
        steps = frame_loss(predictions.frame_logits, augmented.targets, self.window_s / predictions.step_s)
        tags = tag_loss(predictions.tag_logits, augmented.targets)
        total = steps + self.config.tag_weight * tags
        log_losses(self, {"loss": total, "loss_steps": steps, "loss_tags": tags}, len(batch.names))
        return total

    def validation_step(self, batch: Batch, batch_index: int) -> Probabilities:  # type: ignore[override]
        """Probabilities of windows in order."""
        features = self.frontend(batch.waveforms)
        return (
            self._predict(features, batch.num_samples, batch.waveforms.shape[-1])
            .probabilities()
            .without(silent(batch))
        )

    def _predict(self, features: Tensor, num_samples: Tensor, window_samples: int) -> FramePredictions:
        num_frames = self.frontend.frames_before_padding(num_samples, window_samples)
        predictions: FramePredictions = self.network(features, num_frames)
        return predictions

    def configure_optimizers(self) -> Any:
        """As the stage's settings say."""
        optimizer = make_optimizer(self.network, None, self.config, self.config.optimizer)
        return with_schedule(self, optimizer, self.config)


def train_frames(
    recipe: Recipe, datasets: Datasets, frontend: Frontend, run: StageRun, resume: bool
) -> dict[str, Any]:
    """CRNN or Conv-Transformer, from random weights. Returns the best scores."""
    stage = recipe.train_frames
    network = build.frame_detector(recipe.features, recipe.model, len(datasets.classes))
    use_channels_last(network.convolutions, recipe)
    clips = datasets.training(datasets.strong, datasets.weak)
    sampler = GroupBatchSampler(
        clips.group_sizes(), [stage.strong_per_batch, stage.weak_per_batch], recipe.seed
    )
    windows = datasets.windows()
    augmentation = build.augmentation(stage.augmentation, frontend, recipe.model.window_s)
    selection = fit(
        run,
        TrainFramesModule(frontend, network, augmentation, stage, recipe.model.window_s),
        stage,
        training_loader(clips, sampler, recipe.machine),
        None if windows is None else window_loader(windows, recipe.machine),
        monitor="event_based",
        score=None
        if windows is None
        else score_events(windows, build.decision(recipe.decoding), recipe.tune),
        resume=resume,
    )
    return selection.best
