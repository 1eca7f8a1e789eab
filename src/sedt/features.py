"""Waveform -> log-mel spectrogram -> per-band normalisation, as torch modules inside the model."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sedt.errors import InputError


class LogMel(nn.Module):
    """Log-mel spectrogram in dB, equal to librosa's (see tests) and cut out of the same graph as the model.

    STFT (centred, reflected at the ends, symmetric analysis frame) -> magnitude -> mel bands (Slaney scale,
    triangles of peak 1, no area norm) -> 20 log10(max(floor, x)), at most `dynamic_range_db` under the clip's
    maximum. Defaults: spec of the paper for DCASE, 10 s at 16 kHz -> 496 x 64.
    """

    def __init__(
        self,
        sample_rate: int = 16_000,
        fft_samples: int = 1024,
        frame_samples: int = 1024,
        hop_samples: int = 323,
        frame_window: Literal["hamming", "hann"] = "hamming",
        num_bands: int = 64,
        f_min: float = 0.0,
        f_max: float | None = None,
        amplitude_floor: float = 1e-5,
        dynamic_range_db: float = 80.0,
        max_frames: int | None = None,
    ) -> None:
        super().__init__()
        self.fft_samples, self.frame_samples, self.hop_samples = fft_samples, frame_samples, hop_samples
        self.sample_rate, self.num_bands, self.max_frames = sample_rate, num_bands, max_frames
        self.amplitude_floor, self.dynamic_range_db = amplitude_floor, dynamic_range_db
        make_window = torch.hamming_window if frame_window == "hamming" else torch.hann_window
        bank = mel_filter_bank(sample_rate, fft_samples, num_bands, f_min, f_max or sample_rate / 2)
        # Both follow from the settings, so they are not part of the stored weights.
        self.register_buffer("window", make_window(frame_samples, periodic=False), persistent=False)
        self.register_buffer("bank", torch.from_numpy(bank).T.contiguous(), persistent=False)
        self.window: Tensor
        self.bank: Tensor  # (fft_samples // 2 + 1, bands)

    def floor_db(self, top_db: float) -> float:
        """What silence is in a spectrogram whose loudest value is `top_db`."""
        return max(top_db - self.dynamic_range_db, 20 * math.log10(self.amplitude_floor))

    def forward(self, waveforms: Tensor) -> Tensor:
        """(batch, samples) -> (batch, frames, bands) in dB."""
        pad = self.fft_samples // 2
        # A reflection needs more samples than it adds; silence stands in for a clip shorter than a frame.
        missing = max(0, pad + 1 - waveforms.shape[-1])
        waveforms = nn.functional.pad(waveforms.float(), (0, missing))
        spectrum = torch.stft(
            nn.functional.pad(waveforms.unsqueeze(1), (pad, pad), mode="reflect").squeeze(1),
            self.fft_samples,
            self.hop_samples,
            self.frame_samples,
            self.window,
            center=False,
            return_complex=True,
        )  # (batch, fft_samples // 2 + 1, frames)
        mel = spectrum.abs().transpose(1, 2) @ self.bank
        decibels = 20 * torch.log10(mel.clamp(min=self.amplitude_floor))
        top = decibels.amax(dim=(1, 2), keepdim=True)
        return torch.maximum(decibels, top - self.dynamic_range_db)[:, : self.max_frames]


class Normaliser(nn.Module):
    """(x - mean) / std per mel band; fitted once on training clips and stored with the weights."""

    def __init__(self, num_bands: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(num_bands))
        self.register_buffer("std", torch.ones(num_bands))
        self.mean: Tensor
        self.std: Tensor

    def forward(self, decibels: Tensor) -> Tensor:
        """(..., bands) -> (..., bands)."""
        return (decibels - self.mean) / self.std

    @torch.no_grad()
    def fit(self, spectrograms: Iterable[Tensor]) -> None:
        """Set mean and deviation from spectrograms (batch, frames, bands).

        Raises:
            InputError: there is no spectrogram to fit on.
        """
        count = 0
        total = torch.zeros_like(self.mean, dtype=torch.float64)
        squares = torch.zeros_like(total)
        for spectrogram in spectrograms:
            flat = spectrogram.reshape(-1, spectrogram.shape[-1]).double()
            count += len(flat)
            total += flat.sum(0)
            squares += flat.square().sum(0)
        if count == 0:
            raise InputError("no training clips: the normaliser cannot be fitted")
        mean = total / count
        self.mean.copy_(mean)
        # A band that never changes (digital silence) is left at its own scale.
        self.std.copy_((squares / count - mean.square()).clamp(min=1e-4).sqrt())


class Frontend(nn.Module):
    """The first part of every model: (batch, samples) -> normalised log-mel (batch, frames, bands)."""

    def __init__(self, log_mel: LogMel) -> None:
        super().__init__()
        self.log_mel = log_mel
        self.normaliser = Normaliser(log_mel.num_bands)

    def forward(self, waveforms: Tensor) -> Tensor:
        """Features in float32, whatever the autocast around says."""
        with torch.autocast(waveforms.device.type, enabled=False):
            features: Tensor = self.normaliser(self.log_mel(waveforms))
        return features

    def frames_before_padding(self, num_samples: Tensor, window_samples: int) -> Tensor | None:
        """(batch,) samples of clips -> (batch,) their frames; None where no clip is padded to the window."""
        if not bool((num_samples < window_samples).any()):
            return None
        return self.num_frames(num_samples)

    def num_frames(self, num_samples: Tensor) -> Tensor:
        """(batch,) samples -> (batch,) frames that begin inside the clip."""
        frames = 1 + num_samples // self.log_mel.hop_samples
        return frames if self.log_mel.max_frames is None else frames.clamp(max=self.log_mel.max_frames)


def mel_filter_bank(
    sample_rate: int, fft_samples: int, num_bands: int, f_min: float, f_max: float
) -> NDArray[np.float32]:
    """Triangles of peak 1 on the Slaney mel scale, shape (num_bands, fft_samples // 2 + 1).

    The scale is linear below 1 kHz (200/3 Hz per mel) and logarithmic above (27 mel per factor of 6.4), after
    M. Slaney, Auditory Toolbox, 1998.
    """
    edges = _mel_to_hz(np.linspace(_hz_to_mel(f_min), _hz_to_mel(f_max), num_bands + 2))
    bins = np.linspace(0, sample_rate / 2, fft_samples // 2 + 1)
    rising = (bins - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - bins) / (edges[2:] - edges[1:-1])[:, None]
    return np.maximum(0, np.minimum(rising, falling)).astype(np.float32)


_HZ_PER_MEL = 200 / 3
_LOG_START_HZ = 1000.0
_LOG_START_MEL = _LOG_START_HZ / _HZ_PER_MEL
_LOG_STEP = math.log(6.4) / 27


def _hz_to_mel(hz: float) -> float:
    if hz < _LOG_START_HZ:
        return hz / _HZ_PER_MEL
    return _LOG_START_MEL + math.log(hz / _LOG_START_HZ) / _LOG_STEP


def _mel_to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    logarithmic = _LOG_START_HZ * np.exp(_LOG_STEP * (mel - _LOG_START_MEL))
    return np.where(mel < _LOG_START_MEL, mel * _HZ_PER_MEL, logarithmic)
