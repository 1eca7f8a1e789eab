"""What happens at each step and epoch of every stage, beside learning, selection and checkpoints."""

from __future__ import annotations

from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback

from sedt.errors import InputError
from sedt.losses.matching import DIVERGED


class StepSeed(Callback):
    """Seeds torch from (seed, step) before each step, so that dropout does not depend on what ran before."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_batch_start(self, trainer: L.Trainer, *args: Any, **kwargs: Any) -> None:
        """One seed per batch and process."""
        position = trainer.fit_loop.epoch_loop.total_batch_idx * trainer.world_size + trainer.global_rank
        torch.manual_seed(self.seed * 1_000_003 + position + 1)


class Finite(Callback):
    """Ends a run that has diverged, before what it has become is scored and kept.

    A loss is looked at one step late, when a GPU has it ready; with several processes only where all look,
    since one that ends alone leaves the others waiting.
    """

    def __init__(self) -> None:
        self._loss: torch.Tensor | None = None

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, *args: Any, **kwargs: Any
    ) -> None:
        """That of the step before."""
        if trainer.world_size == 1:
            self._look(trainer)
        if self._loss is None or torch.isfinite(self._loss):
            self._loss = outputs["loss"].detach()

    def on_validation_start(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Those of the steps before."""
        self._look(trainer)

    def on_train_epoch_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """The same, without validation clips."""
        self._look(trainer)

    def on_save_checkpoint(
        self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """The same: no run should go on from there."""
        self._look(trainer)

    def _look(self, trainer: L.Trainer) -> None:
        loss, self._loss = self._loss, None
        is_finite = loss is None or bool(torch.isfinite(loss))
        if not trainer.strategy.reduce_boolean_decision(is_finite, all=True):
            raise InputError(DIVERGED)


class LastIsValidated(Callback):
    """The last epoch is, too, where `validate_every` would leave it out: it is often the best."""

    def on_train_batch_start(self, trainer: L.Trainer, *args: Any, **kwargs: Any) -> None:
        """In the last epoch, resumed or not."""
        if trainer.current_epoch + 1 == trainer.max_epochs:
            trainer.check_val_every_n_epoch = 1
