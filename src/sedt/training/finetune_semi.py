"""Fine-tuning goes on with clips without labels: a teacher labels them, the student learns from it."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from typing import Any, Self

import torch
from safetensors.torch import load_file
from torch import Tensor

import sedt.build as build
from sedt.audio import SILENCE
from sedt.batch import Batch, Predictions, Supervision
from sedt.config import FinetuneSemiConfig, Recipe
from sedt.data.augmentation import Augmentation
from sedt.data.sampler import GroupBatchSampler
from sedt.errors import InputError
from sedt.features import Frontend
from sedt.losses.events import SetLoss
from sedt.models.denoising import Denoising
from sedt.models.sedt import SEDT
from sedt.package import save_tensors
from sedt.training.datasets import Datasets
from sedt.training.loaders import training_loader, window_loader
from sedt.training.modules import FinetuneModule
from sedt.training.pseudo_labels import PseudoLabels, ThresholdPlan, prior_of
from sedt.training.stages import use_channels_last
from sedt.training.trainer import StageRun, fit
from sedt.training.validation import score_events

NETWORK, TEACHER, DENOISING = "network.", "teacher.", "denoising."
THRESHOLDS = "labels.thresholds"


class FinetuneSemiModule(FinetuneModule):
    """A teacher is the moving average of its student, and hears clips as they are, without dropout."""

    config: FinetuneSemiConfig

    def __init__(
        self,
        frontend: Frontend,
        network: SEDT,
        augmentation: Augmentation,
        loss: SetLoss,
        tag_weight: float,
        config: FinetuneSemiConfig,
        labels: PseudoLabels,
        denoising: Denoising | None = None,
    ) -> None:
        super().__init__(frontend, network, augmentation, loss, tag_weight, config, denoising)
        self.teacher = deepcopy(network).requires_grad_(False).eval()
        self.labels = labels

    def train(self, mode: bool = True) -> Self:
        """As every module, but the teacher stays in eval mode."""
        super().train(mode)
        self.teacher.eval()
        return self

    def training_step(self, batch: Batch, batch_index: int) -> Tensor:
        """Loss of one batch, with what the teacher says of its clips."""
        return super().training_step(self.labelled(batch), batch_index)

    @torch.no_grad()
    def labelled(self, batch: Batch) -> Batch:
        """The batch with pseudo-labels where less than events is known."""
        targets = list(batch.targets)
        unsure = [i for i, t in enumerate(targets) if t.supervision is not Supervision.STRONG]
        if unsure:
            waveforms, num_samples = batch.waveforms[unsure], batch.num_samples[unsure]
            predictions = self._predict_with(self.teacher, self.frontend(waveforms), num_samples)
            heard = num_samples / waveforms.shape[1] * (waveforms.abs().amax(1) > SILENCE)
            made = self.labels.label(predictions, [targets[i] for i in unsure], heard)
            for i, target in zip(unsure, made, strict=True):
                targets[i] = target
        self.labels.count(targets, batch.targets)
        return replace(batch, targets=targets)

    def predict(self, batch: Batch) -> Predictions:
        """What the teacher says: it is what this stage leaves."""
        return self._predict_with(self.teacher, self.frontend(batch.waveforms), batch.num_samples)

    def optimizer_step(self, *arguments: Any, **options: Any) -> None:
        """The teacher follows at once: checkpoints are written before the hooks of a batch's end."""
        super().optimizer_step(*arguments, **options)
        self.follow()

    @torch.no_grad()
    def follow(self) -> None:
        """teacher = decay * teacher + (1 - decay) * student."""
        for mine, new in zip(self.teacher.parameters(), self.network.parameters(), strict=True):
            mine.lerp_(new.to(mine), 1.0 - self.config.teacher_decay)

    def on_train_epoch_end(self) -> None:
        """Thresholds follow what was called."""
        self.labels.adapt()


def finetune_semi(
    recipe: Recipe, datasets: Datasets, frontend: Frontend, run: StageRun, resume: bool
) -> dict[str, Any]:
    """Goes on from what `finetune` has left; leaves the teacher. Returns the best scores.

    Raises:
        InputError: `finetune` has not been run.
    """
    stage = recipe.finetune_semi
    before = run.folder / "finetune" / "best.safetensors"
    if not before.exists():
        raise InputError(f"{before}: not there; the stage `finetune` comes before")
    network = build.sedt(recipe.model, len(datasets.classes), with_weights=False)
    tensors = load_file(before)
    network.load_state_dict(_part(tensors, NETWORK))
    denoising = build.denoising(recipe.loss, network)
    if denoising is not None:
        denoising.load_state_dict(_part(tensors, DENOISING))
    use_channels_last(network.trunk.backbone, recipe)
    clips = datasets.training(datasets.strong, datasets.weak, datasets.unlabelled)
    per_batch = [stage.strong_per_batch, stage.weak_per_batch, stage.unlabelled_per_batch]
    sampler = GroupBatchSampler(clips.group_sizes(), per_batch, recipe.seed)
    windows = datasets.windows()
    labels = PseudoLabels(
        prior_of(datasets.weak, datasets.strong, datasets.classes),
        ThresholdPlan(*stage.threshold_range, stage.threshold_step),
    )
    module = FinetuneSemiModule(
        frontend,
        network,
        build.augmentation(stage.augmentation, frontend, recipe.model.window_s),
        build.set_loss(recipe.loss, recipe.model),
        recipe.loss.tag_weight,
        stage,
        labels,
        denoising,
    )
    selection = fit(
        run,
        module,
        stage,
        training_loader(clips, sampler, recipe.machine),
        None if windows is None else window_loader(windows, recipe.machine),
        monitor="event_based",
        score=None
        if windows is None
        else score_events(windows, build.decision(recipe.decoding), recipe.tune),
        resume=resume,
    )
    tensors = load_file(selection.best_file)
    thresholds = tensors.get(THRESHOLDS, labels.thresholds)
    teacher = {f"{NETWORK}{k}": v for k, v in _part(tensors, TEACHER).items()}
    if teacher:  # a run that was stopped behind this point has no other
        kept = {k: v for k, v in tensors.items() if k.startswith("frontend.")}
        save_tensors(selection.best_file, {**kept, **teacher, THRESHOLDS: thresholds})
    return {
        **selection.best,
        "thresholds": dict(zip(datasets.classes, thresholds.tolist(), strict=True)),
    }


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Those of one module, by their names in it."""
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
