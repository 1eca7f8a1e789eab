"""What Lightning trains in SP-SEDT's stage."""

from __future__ import annotations

from typing import Any

import lightning as L
import torch
from torch import Tensor

from sedt.batch import PatchBatch, PatchPredictions, Supervision, Targets
from sedt.config import PretrainConfig
from sedt.data.kept_maps import KeptMaps
from sedt.features import Frontend
from sedt.losses.events import EventLosses, SetLoss
from sedt.losses.reconstruction import reconstruction_loss
from sedt.models.sp_sedt import PATCH, SPSEDT
from sedt.training.modules import log_losses, with_schedule
from sedt.training.optimizer import make_optimizer
from sedt.training.patch_scores import PatchOutcome, outcome


class PretrainModule(L.LightningModule):
    """Eq. 6: patch or background, where it is, and its feature given back."""

    def __init__(
        self,
        frontend: Frontend,
        network: SPSEDT,
        loss: SetLoss,
        config: PretrainConfig,
        window_samples: int,
        maps: KeptMaps | None = None,
    ) -> None:
        super().__init__()
        self.frontend = frontend.requires_grad_(False)
        self.network, self.loss, self.config = network, loss, config
        self.window_samples, self.maps = window_samples, maps

    def training_step(self, batch: PatchBatch, batch_index: int) -> Tensor:
        """Loss of one batch."""
        predictions = self.predict(batch)
        found = self._match(predictions, batch)
        given_back = reconstruction_loss(predictions, found.matches)
        total: Tensor = self.loss.total(found) + self.config.reconstruction_weight * given_back
        log_losses(
            self, {"loss": total, **found.items(), "loss_reconstruction": given_back}, len(batch.num_samples)
        )
        return total

    def validation_step(self, batch: PatchBatch, batch_index: int) -> PatchOutcome:  # type: ignore[override]
        """What was found in held-out clips."""
        predictions = self.predict(batch)
        matches = self._match(predictions, batch).matches[-1]
        return outcome(predictions, batch.patches, matches, batch.num_samples.nonzero()[:, 0])

    def predict(self, batch: PatchBatch) -> PatchPredictions:
        """Frontend, backbone (or what is kept of it), transformer."""
        shorter = bool((batch.num_samples < self.window_samples).any())
        num_frames = self.frontend.num_frames(batch.num_samples) if shorter else None
        if self.maps is None:
            predictions: PatchPredictions = self.network(
                self.frontend(batch.waveforms), batch.patches, num_frames
            )
            return predictions
        feature_map = self._kept(batch, self.maps)
        if not torch.is_autocast_enabled(feature_map.device.type):
            feature_map = feature_map.float()
        features = self.network.patch_features(feature_map, feature_map, batch.patches)
        return self.network.find(feature_map, features, num_frames)

    def _kept(self, batch: PatchBatch, maps: KeptMaps) -> Tensor:
        """Kept maps, and those that are made now, which are then kept as well."""
        if batch.feature_maps is not None and bool(batch.has_map.all()):
            return batch.feature_maps
        device = batch.has_map.device
        whole = torch.zeros(len(batch.rows), *maps.shape, dtype=torch.bfloat16, device=device)
        if batch.feature_maps is not None:
            whole[batch.has_map] = batch.feature_maps
        new = ~batch.has_map
        if bool(new.any()):
            made = self.network.feature_map(self.frontend(batch.waveforms)).bfloat16()
            whole[new] = made
            places = zip(batch.rows[new].tolist(), batch.num_samples[new].tolist(), strict=True)
            for (row, num_samples), feature_map in zip(places, made.cpu(), strict=True):
                maps.write(row, feature_map, num_samples)
        return whole

    def _match(self, predictions: PatchPredictions, batch: PatchBatch) -> EventLosses:
        allowed = None
        if self.config.match_own:
            numbers = torch.arange(batch.patches.shape[1], device=predictions.block.device)
            allowed = predictions.block[:, None] == numbers
        losses: EventLosses = self.loss(predictions.as_events, patch_targets(batch), allowed=allowed)
        return losses

    def configure_optimizers(self) -> Any:
        """As the stage's settings say."""
        optimizer = make_optimizer(self.network, self.network.trunk.backbone, self.config)
        return with_schedule(self, optimizer, self.config)


def patch_targets(batch: PatchBatch) -> list[Targets]:
    """Patches as events of one class; nothing is to be found where nothing sounds."""
    tags = batch.patches.new_zeros(1)
    labels = torch.full((batch.patches.shape[1],), PATCH, device=batch.patches.device)
    return [
        Targets(Supervision.STRONG, tags, labels, spans)
        if audible
        else Targets(Supervision.NONE, tags, labels[:0], spans[:0])
        for spans, audible in zip(batch.patches, (batch.num_samples > 0).tolist(), strict=True)
    ]
