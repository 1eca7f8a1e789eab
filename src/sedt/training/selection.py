"""Scores on validation clips after an epoch, and the best weights kept by them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import Callback
from safetensors.torch import load_file

from sedt.package import save_tensors

KEY = "best"

Score = Callable[[list[Any]], dict[str, float]]
"""What the validation steps gave for all windows, in order -> named scores."""


class Selection(Callback):
    """Scores every validation and writes `best.safetensors` when the `monitor`ed score is the best so far.

    Stands before a weight-averaging callback, so that scores and file are of the averaged weights.
    Of equal ones the last counts, and so it does without validation clips.
    """

    def __init__(self, folder: Path, monitor: str, score: Score | None) -> None:
        self.best_file = folder / "best.safetensors"
        self.monitor, self.score = monitor, score
        self.best: dict[str, float] = {}
        self._outputs: list[Any] = []

    def on_validation_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, *args: Any, **kwargs: Any
    ) -> None:
        """Keep the predictions."""
        self._outputs.append(outputs)

    def on_validation_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Score, log, keep the weights if they are the best so far."""
        outputs, self._outputs = self._outputs, []
        if trainer.sanity_checking or self.score is None:
            return
        scores = self.score(outputs)
        for name, value in scores.items():
            pl_module.log(name, value, prog_bar=name == self.monitor, sync_dist=True)
        if scores[self.monitor] >= self.best.get(self.monitor, -1.0):
            self.best = {**scores, "epoch": float(trainer.current_epoch)}
            self._write(trainer, pl_module)

    def on_fit_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Without validation clips, the last weights are the result; averaged ones, if they are averaged."""
        if self.score is None:
            self.best = {"epoch": float(trainer.current_epoch)}
            self._write(trainer, pl_module)

    def on_save_checkpoint(
        self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Scores and weights stay together: the file may be newer than the checkpoint a run goes on from."""
        weights = load_file(self.best_file) if self.best and trainer.is_global_zero else {}
        checkpoint[KEY] = {"scores": self.best, "weights": weights}

    def on_load_checkpoint(
        self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Put both back as they were."""
        self.best = checkpoint[KEY]["scores"]
        if self.best and trainer.is_global_zero:
            save_tensors(self.best_file, checkpoint[KEY]["weights"])

    def _write(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        if not trainer.is_global_zero:
            return
        save_tensors(self.best_file, module.state_dict())
