"""A model takes waveforms: it is a frontend (log-mel, normaliser) and then a network."""

from __future__ import annotations

from torch import Tensor, nn

from sedt.batch import FramePredictions, Predictions
from sedt.features import Frontend


class Model(nn.Module):
    """Waveforms in, predictions out. Training calls the two parts itself, with augmentation between them."""

    def __init__(self, frontend: Frontend, network: nn.Module) -> None:
        super().__init__()
        self.frontend = frontend
        self.network = network

    def forward(self, waveforms: Tensor, num_samples: Tensor | None = None) -> Predictions | FramePredictions:
        """(batch, samples) and optionally (batch,) samples before each clip's padding -> predictions.

        Clips fill the model's window (`ModelConfig.window_s`), padded with silence: spans are shares of it.
        """
        num_frames = None
        if num_samples is not None:
            num_frames = self.frontend.frames_before_padding(num_samples, waveforms.shape[-1])
        predictions: Predictions | FramePredictions = self.network(self.frontend(waveforms), num_frames)
        return predictions
