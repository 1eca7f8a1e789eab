"""What Lightning trains in each stage: a frontend, a network, a loss."""

from __future__ import annotations

from typing import Any, cast

import lightning as L
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR

from sedt.audio import SILENCE
from sedt.batch import Batch, Predictions, Probabilities, Targets
from sedt.config import FinetuneConfig, FinetuneSemiConfig, OptimizerConfig, TagBackboneConfig
from sedt.data.augmentation import Augmentation
from sedt.features import Frontend
from sedt.losses.events import SetLoss
from sedt.losses.tags import tag_loss
from sedt.models.denoising import Denoising
from sedt.models.sedt import SEDT, Hints
from sedt.models.tagger import Tagger
from sedt.training.means import add_to_means
from sedt.training.optimizer import make_optimizer, make_schedule


class TagBackboneModule(L.LightningModule):
    """Paper 3.2: backbone and head learn clip tags by eq. 4."""

    def __init__(
        self, frontend: Frontend, network: Tagger, augmentation: Augmentation, config: TagBackboneConfig
    ) -> None:
        super().__init__()
        self.frontend = frontend.requires_grad_(False)
        self.network, self.augmentation = network, augmentation
        self.config = config

    def training_step(self, batch: Batch, batch_index: int) -> Tensor:
        """Loss of one batch."""
        augmented = self.augmentation(batch)
        loss = tag_loss(self.network(augmented.features), augmented.targets)
        log_losses(self, {"loss": loss}, len(batch.names))
        return loss

    def validation_step(self, batch: Batch, batch_index: int) -> Probabilities:  # type: ignore[override]
        """Tags alone; there are no queries."""
        tags = self.network(self.frontend(batch.waveforms)).sigmoid().cpu().numpy()
        empty = tags[:, :0, None]
        return Probabilities(classes=empty, spans=empty, tags=tags)

    def configure_optimizers(self) -> Any:
        """As the stage's settings say."""
        optimizer = make_optimizer(self.network, self.network.backbone, self.config, self.config.optimizer)
        return with_schedule(self, optimizer, self.config)


class FinetuneModule(L.LightningModule):
    """Paper 2.2: SEDT learns events (eq. 1-3) from strong clips, tags (eq. 4) from all labelled clips."""

    def __init__(
        self,
        frontend: Frontend,
        network: SEDT,
        augmentation: Augmentation,
        loss: SetLoss,
        tag_weight: float,
        config: FinetuneConfig | FinetuneSemiConfig,
        denoising: Denoising | None = None,
    ) -> None:
        super().__init__()
        self.frontend = frontend.requires_grad_(False)
        self.network, self.augmentation = network, augmentation
        self.loss, self.tag_weight = loss, tag_weight
        self.config, self.denoising = config, denoising
        network.trunk.backbone.freeze_stages(config.frozen_stages)

    def training_step(self, batch: Batch, batch_index: int) -> Tensor:
        """Loss of one batch."""
        augmented = self.augmentation(batch)
        hints = None if self.denoising is None else self.denoising.hints(augmented.targets)
        predictions = self._predict_with(self.network, augmented.features, augmented.num_samples, hints)
        start = self.config.one_to_many_from
        more = start is not None and self.current_epoch >= start
        events = self.loss(predictions, augmented.targets, one_to_many=more)
        tags = tag_loss(cast(Tensor, predictions.tag_logits), augmented.targets)
        total: Tensor = self.loss.total(events) + self.tag_weight * tags
        values = {"loss_tags": tags, **events.items()}
        if self.denoising is not None:
            values["loss_denoising"] = self._denoise(predictions, augmented.targets, hints)
            total = total + self.denoising.plan.weight * values["loss_denoising"]
        log_losses(self, {"loss": total, **values}, len(batch.names))
        return total

    def _denoise(self, predictions: Predictions, targets: list[Targets], hints: Hints | None) -> Tensor:
        """Eq. 1 of the queries that were told events; zero, with a graph, where none was."""
        if hints is None or predictions.hinted is None:
            assert self.denoising is not None
            return self.denoising.label_codes.weight.sum() * 0.0
        return self.loss.total(self.loss.of_known(predictions.hinted, targets, hints.events))

    def validation_step(self, batch: Batch, batch_index: int) -> Probabilities:  # type: ignore[override]
        """Predictions of windows in order."""
        return self.predict(batch).probabilities().without(silent(batch))

    def predict(self, batch: Batch) -> Predictions:
        """Frontend, then network; clips as they are."""
        return self._predict_with(self.network, self.frontend(batch.waveforms), batch.num_samples)

    def _predict_with(
        self, network: SEDT, features: Tensor, num_samples: Tensor, hints: Hints | None = None
    ) -> Predictions:
        """A network, told which frames lie behind a clip's end."""
        num_frames = self.frontend.num_frames(num_samples)
        shorter = bool((num_frames < features.shape[1]).any())
        predictions: Predictions = network(features, num_frames if shorter else None, hints)
        return predictions

    def configure_optimizers(self) -> Any:
        """As the stage's settings say."""
        trunk = self.network.trunk
        trained = nn.ModuleList([self.network, *([self.denoising] if self.denoising else []), self.loss])
        optimizer = make_optimizer(trained, trunk.backbone, self.config, trunk=trunk)
        return with_schedule(self, optimizer, self.config)


def silent(batch: Batch) -> NDArray[np.bool_]:
    """(batch,): clips of digital silence, in which a detector finds nothing whatever the model says."""
    loudest: NDArray[np.float32] = batch.waveforms.abs().amax(1).cpu().numpy()
    return loudest < SILENCE


def with_schedule(
    module: L.LightningModule, optimizer: torch.optim.Optimizer, config: OptimizerConfig
) -> dict[str, Any]:
    """What Lightning wants of `configure_optimizers`."""
    steps = int(module.trainer.estimated_stepping_batches) // config.epochs
    schedule: LambdaLR = make_schedule(optimizer, config, max(1, steps))
    return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def log_losses(module: L.LightningModule, values: dict[str, Tensor], batch_size: int) -> None:
    """Put the losses of a batch down; the one called `loss` is shown."""
    add_to_means(module.trainer, values, batch_size)
    module.log("train_loss", values["loss"].detach(), prog_bar=True, logger=False, batch_size=batch_size)
