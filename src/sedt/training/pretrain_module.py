"""What Lightning trains in SP-SEDT's stage."""

from __future__ import annotations

from dataclasses import replace
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
        foreign = self._draw_foreign(batch)
        predictions = self.predict(batch, foreign)
        found = self.match(predictions, batch, foreign)
        given_back = reconstruction_loss(predictions, found.matches)
        total: Tensor = self.loss.total(found) + self.config.reconstruction_weight * given_back
        log_losses(
            self, {"loss": total, **found.items(), "loss_reconstruction": given_back}, len(batch.num_samples)
        )
        return total

    def validation_step(self, batch: PatchBatch, batch_index: int) -> PatchOutcome:  # type: ignore[override]
        """What was found in held-out clips."""
        predictions = self.predict(batch)
        matches = self.match(predictions, batch).matches[-1]
        return outcome(predictions, batch.patches, matches, batch.num_samples.nonzero()[:, 0])

    def predict(self, batch: PatchBatch, foreign: Tensor | None = None) -> PatchPredictions:
        """Frontend, backbone (or what is kept of it), transformer.

        Where `foreign` (batch, patches) is true, another clip's patch is told in the place of the clip's own.
        """
        num_frames = self.frontend.frames_before_padding(batch.num_samples, self.window_samples)
        if self.maps is None:
            spectrogram = self.frontend(batch.waveforms)
            feature_map = self.network.feature_map(spectrogram)
        else:
            feature_map = spectrogram = self._kept(batch, self.maps)
            if not torch.is_autocast_enabled(feature_map.device.type):
                feature_map = feature_map.float()
        told = self.network.patch_features(spectrogram, feature_map, batch.patches)
        if foreign is not None:
            told = torch.where(foreign[..., None], told.roll(1, dims=0), told)
        return self.network.find(feature_map, told, num_frames)

    def _draw_foreign(self, batch: PatchBatch) -> Tensor | None:
        """Which patches of a training batch are those of another clip."""
        if not self.config.foreign_patches or len(batch.patches) < 2:
            return None
        draws = torch.rand(batch.patches.shape[:2])
        return (draws < self.config.foreign_patches).to(batch.patches.device)

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

    def match(
        self, predictions: PatchPredictions, batch: PatchBatch, foreign: Tensor | None = None
    ) -> EventLosses:
        """Losses of all patches but the `foreign` ones, which no query should find."""
        if foreign is None:
            foreign = torch.zeros(batch.patches.shape[:2], dtype=torch.bool, device=batch.patches.device)
        own_first = foreign.int().argsort(dim=1, stable=True)
        spans = batch.patches.take_along_dim(own_first[..., None], dim=1)
        targets = patch_targets(spans, (~foreign).sum(1), batch.num_samples)
        allowed = predictions.block[:, None] == own_first[:, None] if self.config.match_own else None
        found: EventLosses = self.loss(predictions.as_events, targets, allowed=allowed)
        matches = [each._replace(events=own_first[each.clips, each.events]) for each in found.matches]
        return replace(found, matches=matches)

    def configure_optimizers(self) -> Any:
        """As the stage's settings say."""
        optimizer = make_optimizer(self.network, self.network.trunk.backbone, self.config)
        return with_schedule(self, optimizer, self.config)


def patch_targets(patches: Tensor, numbers: Tensor, num_samples: Tensor) -> list[Targets]:
    """The first `numbers` (batch,) of `patches` (batch, patches, 2) as events of one class.

    Nothing is to be found in a clip in which nothing sounds (`num_samples` 0).
    """
    tags = patches.new_zeros(1)
    labels = torch.full((patches.shape[1],), PATCH, device=patches.device)
    return [
        Targets(Supervision.STRONG, tags, labels[:number], spans[:number])
        if heard
        else Targets(Supervision.NONE, tags, labels[:0], spans[:0])
        for spans, number, heard in zip(patches, numbers.tolist(), num_samples.tolist(), strict=True)
    ]
