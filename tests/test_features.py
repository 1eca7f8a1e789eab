from __future__ import annotations

from dataclasses import asdict, dataclass

import librosa
import numpy as np
import pytest
import scipy.signal
import torch
from numpy.typing import NDArray

from sedt.errors import InputError
from sedt.features import Frontend, LogMel, Normaliser, mel_filter_bank

Floats = NDArray[np.floating]


@dataclass(frozen=True)
class Setting:
    """Arguments of LogMel that differ between benchmarks."""

    sample_rate: int
    fft_samples: int
    frame_samples: int
    hop_samples: int
    max_frames: int | None = None
    frame_window: str = "hamming"
    f_min: float = 0.0
    f_max: float | None = None


DCASE = Setting(16_000, 1024, 1024, 323)
URBAN = Setting(44_100, 2048, 1764, 882, max_frames=500)
FINCH = Setting(16_000, 512, 256, 32, f_min=300.0, f_max=8000.0, frame_window="hann")
CASES = [
    pytest.param(DCASE, 10.0, (496, 64), id="dcase"),
    pytest.param(URBAN, 10.0, (500, 64), id="urban-sed"),
    pytest.param(FINCH, 1.0, (501, 64), id="one-second-2-ms-hop"),
]


def log_mel(setting: Setting) -> LogMel:
    return LogMel(**asdict(setting))


def sound(setting: Setting, seconds: float, seed: int = 0) -> Floats:
    """A chirp in noise that falls silent half-way, so that both floors are met."""
    samples = round(seconds * setting.sample_rate)
    time = np.arange(samples) / setting.sample_rate
    chirp = scipy.signal.chirp(time, 100, seconds, setting.sample_rate * 0.45)
    noise = np.random.default_rng(seed).normal(size=samples)
    return (0.5 * chirp + 0.05 * noise) * (time < seconds / 2)


def librosa_log_mel(waveform: Floats, setting: Setting) -> Floats:
    """The same features by another implementation, in float64: (frames, 64)."""
    spectrum = librosa.stft(
        waveform.astype(np.float64),
        n_fft=setting.fft_samples,
        hop_length=setting.hop_samples,
        win_length=setting.frame_samples,
        window=scipy.signal.get_window(setting.frame_window, setting.frame_samples, fftbins=False),
        center=True,
        pad_mode="reflect",
    )
    bank = librosa.filters.mel(
        sr=setting.sample_rate,
        n_fft=setting.fft_samples,
        n_mels=64,
        fmin=setting.f_min,
        fmax=setting.f_max,
        htk=False,
        norm=None,
    )
    decibels: Floats = librosa.amplitude_to_db(bank @ np.abs(spectrum), ref=1.0, amin=1e-5, top_db=80.0)
    return decibels.T[: setting.max_frames]


def batch(*waveforms: Floats) -> torch.Tensor:
    return torch.from_numpy(np.stack(waveforms)).float()


@pytest.mark.parametrize(("setting", "seconds", "shape"), CASES)
def test_equals_librosa(setting: Setting, seconds: float, shape: tuple[int, int]) -> None:
    waveform = sound(setting, seconds)
    features = log_mel(setting)(batch(waveform))
    expected = librosa_log_mel(waveform, setting)
    assert features.shape == (1, *shape)
    # A periodic window instead of the symmetric one would be 0.05 dB off and more.
    np.testing.assert_allclose(features[0].numpy(), expected, atol=1e-3)


@pytest.mark.parametrize(("setting", "seconds", "shape"), CASES)
def test_frames_are_counted_as_made(setting: Setting, seconds: float, shape: tuple[int, int]) -> None:
    module = Frontend(log_mel(setting))
    for samples in (
        round(seconds * setting.sample_rate),
        setting.hop_samples * 7,
        setting.hop_samples * 7 - 1,
    ):
        made = module(torch.zeros(1, samples)).shape[1]
        if samples > setting.fft_samples // 2:
            assert module.num_frames(torch.tensor([samples])).tolist() == [made]
    assert module.num_frames(torch.tensor([round(seconds * setting.sample_rate)])).tolist() == [shape[0]]


def test_batch_of_one_equals_batch_of_many() -> None:
    """The dynamic range is of each clip, so that a loud neighbour changes nothing."""
    loud, quiet = sound(DCASE, 2.0, seed=1), sound(DCASE, 2.0, seed=2) * 1e-3
    module = log_mel(DCASE)
    together = module(batch(loud, quiet, np.zeros_like(loud)))
    for index, waveform in enumerate((loud, quiet, np.zeros_like(loud))):
        torch.testing.assert_close(together[index], module(batch(waveform))[0])


def test_silence_lies_on_the_floor() -> None:
    features = log_mel(DCASE)(torch.zeros(2, 16_000))
    assert torch.equal(features, torch.full_like(features, -100.0))


def test_dynamic_range() -> None:
    features = log_mel(DCASE)(batch(sound(DCASE, 2.0)))
    assert features.max() - features.min() == pytest.approx(80.0, abs=1e-3)


@pytest.mark.parametrize("samples", [1, 100, 512, 513, 1023])
def test_clips_shorter_than_a_frame_are_finite(samples: int) -> None:
    features = log_mel(DCASE)(torch.ones(1, samples) * 0.1)
    assert features.shape[1] >= 1
    assert torch.isfinite(features).all()


def test_the_gradient_reaches_the_waveform_and_is_finite() -> None:
    waveform = batch(sound(DCASE, 1.0)).requires_grad_()
    log_mel(DCASE)(waveform).sum().backward()
    assert waveform.grad is not None
    assert torch.isfinite(waveform.grad).all()
    assert waveform.grad.abs().sum() > 0


@pytest.mark.parametrize(
    ("rate", "fft", "bands", "low", "high"),
    [(16_000, 1024, 64, 0.0, 8000.0), (44_100, 2048, 64, 0.0, 22_050.0), (32_000, 512, 24, 50.0, 14_000.0)],
)
def test_filter_bank_equals_librosa(rate: int, fft: int, bands: int, low: float, high: float) -> None:
    expected = librosa.filters.mel(sr=rate, n_fft=fft, n_mels=bands, fmin=low, fmax=high, norm=None)
    np.testing.assert_allclose(mel_filter_bank(rate, fft, bands, low, high), expected, atol=1e-6)


def test_features_are_no_weights() -> None:
    """What follows from the settings is not stored with the model."""
    assert set(Frontend(log_mel(DCASE)).state_dict()) == {"normaliser.mean", "normaliser.std"}


def test_normaliser_fits_mean_and_deviation() -> None:
    generator = torch.Generator().manual_seed(0)
    spectrograms = [torch.randn(2, frames, 4, generator=generator) * 7 - 60 for frames in (50, 80, 20)]
    normaliser = Normaliser(4)
    normaliser.fit(spectrograms)
    frames = torch.cat([s.reshape(-1, 4) for s in spectrograms])
    torch.testing.assert_close(normaliser.mean, frames.mean(0))
    torch.testing.assert_close(normaliser.std, frames.std(0, correction=0))
    normalised = normaliser(frames)
    torch.testing.assert_close(normalised.mean(0), torch.zeros(4), atol=1e-4, rtol=0)
    torch.testing.assert_close(normalised.std(0, correction=0), torch.ones(4), atol=1e-4, rtol=0)


def test_normaliser_of_silence_is_finite() -> None:
    normaliser = Normaliser(3)
    normaliser.fit([torch.full((1, 10, 3), -100.0)])
    assert torch.isfinite(normaliser(torch.full((1, 5, 3), -100.0))).all()


def test_normaliser_needs_a_clip() -> None:
    with pytest.raises(InputError, match="no training clips"):
        Normaliser(3).fit([])


def test_frontend_normalises_the_log_mel() -> None:
    frontend = Frontend(log_mel(DCASE))
    waveforms = batch(sound(DCASE, 2.0, 1), sound(DCASE, 2.0, 2))
    frontend.normaliser.fit([frontend.log_mel(waveforms)])
    features = frontend(waveforms)
    torch.testing.assert_close(features.mean((0, 1)), torch.zeros(64), atol=1e-3, rtol=0)


def test_frontend_stays_in_float32_under_autocast() -> None:
    frontend = Frontend(log_mel(DCASE))
    waveforms = batch(sound(DCASE, 1.0))
    with torch.autocast("cpu", torch.bfloat16):
        features = frontend(waveforms)
    assert features.dtype == torch.float32
    torch.testing.assert_close(features, frontend(waveforms))


def test_frontend_counts_frames_per_clip() -> None:
    samples = torch.tensor([160_000, 16_000, 0])
    assert Frontend(log_mel(DCASE)).num_frames(samples).tolist() == [496, 50, 1]
    assert Frontend(log_mel(URBAN)).num_frames(torch.tensor([441_000])).tolist() == [500]
