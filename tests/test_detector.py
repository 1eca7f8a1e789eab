"""Audio of any length -> events."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile

import sedt
from sedt.audio import read_audio, write_audio
from sedt.detector import Detector, find_model, load
from sedt.errors import InputError
from sedt.events import Event
from sedt.package import save_package
from small_models import bursts, package, sure_package
from tones import RATE, scene, sound, tone_package


def times(events: list[Event]) -> list[tuple[float, float, str]]:
    return [(round(e.onset, 4), round(e.offset, 4), e.label) for e in events]


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector(tone_package())


@pytest.mark.parametrize("duration_s", [0.5, 1.99, 2.0, 2.01, 3.0, 3.01, 17.37, 60.0])
def test_finds_what_sounds_in_recordings_of_any_length(detector: Detector, duration_s: float) -> None:
    events = scene(duration_s)
    assert events or duration_s < 3
    assert times(detector.detect(sound(events, duration_s), RATE)) == times(events)


@pytest.mark.parametrize("overlap_s", [None, 0.5, 0.1, 0.0])
def test_any_overlap_of_windows(overlap_s: float | None) -> None:
    # Events are at least 30 ms apart, more than the 20 ms that windows without overlap bridge.
    events = scene(60, seed=1)
    detector = Detector(tone_package(overlap_s=overlap_s))
    assert times(detector.detect(sound(events, 60), RATE)) == times(events)


def test_an_event_to_the_end_of_the_recording_and_none_behind_it(detector: Detector) -> None:
    events = [Event(4.5, 5.3, "low")]
    assert times(detector.detect(sound(events, 5.3), RATE)) == times(events)


def test_a_file_an_array_two_channels_integers_are_the_same(detector: Detector, tmp_path: Path) -> None:
    events = scene(10)
    samples = sound(events, 10)
    write_audio(tmp_path / "a.wav", samples, RATE)
    expected = times(events)
    assert times(detector.detect(tmp_path / "a.wav")) == expected
    assert times(detector.detect(str(tmp_path / "a.wav"))) == expected
    assert times(detector.detect(np.stack([samples, samples], axis=1), RATE)) == expected
    assert times(detector.detect((samples * 32767).astype(np.int16), RATE)) == expected


def test_another_sample_rate_is_converted(detector: Detector, tmp_path: Path) -> None:
    time = np.arange(5 * 44_100) / 44_100
    samples = np.where((time >= 1) & (time < 2.5), 0.2 * np.sin(2 * np.pi * 500 * time), 0)
    soundfile.write(tmp_path / "a.flac", samples, 44_100)
    [event] = detector.detect(tmp_path / "a.flac")
    assert event.label == "low"
    assert (event.onset, event.offset) == pytest.approx((1, 2.5), abs=0.011)


def test_the_batch_size_changes_nothing() -> None:
    samples = sound(scene(30, seed=2), 30)
    found = [Detector(tone_package(), batch_size=size).detect(samples, RATE) for size in (1, 3, 8, 100)]
    assert found[0]
    assert found[1:] == found[:1] * 3


def test_scores_and_thresholds(detector: Detector) -> None:
    samples = sound([Event(0.5, 1, "low")], 3)
    [event] = detector.detect(samples, RATE)
    assert event.score == pytest.approx(1 / (1 + np.exp(-2)), abs=1e-3)
    assert detector.detect(samples, RATE, threshold=0.87)
    assert not detector.detect(samples, RATE, threshold=0.9)
    assert detector.detect(samples, RATE)  # the model's own again
    for threshold in (-0.1, 1.1, float("nan")):
        with pytest.raises(InputError, match="threshold"):
            detector.detect(samples, RATE, threshold=threshold)


@pytest.mark.parametrize("network", ["sedt", "crnn"])
def test_many_thresholds_at_once_are_each_one_alone(network: str) -> None:
    detector = Detector(sure_package(network, threshold=0.45), batch_size=2)
    thresholds = [None, 0.05, 0.1, 0.4, 0.5, 0.9]
    done: list[float] = []
    found = detector.detect_at(bursts(), 16_000, thresholds=thresholds, progress=done.append)
    assert sum(done) == pytest.approx(2.5)
    assert [list(one) for one in found] == [
        list(detector.detect(bursts(), 16_000, threshold=threshold)) for threshold in thresholds
    ]
    assert len({len(one) for one in found}) > 2
    if network == "crnn":  # not the same as leaving out what scores less
        edges = [{(event.onset, event.offset, event.label) for event in one} for one in found[1:3]]
        assert not edges[1] <= edges[0]


def test_a_detector_elsewhere_leaves_the_package_as_it_is() -> None:
    detector = Detector(package())
    Detector(detector.package, device="meta")
    assert {str(tensor.device) for tensor in detector.package.model.state_dict().values()} == {"cpu"}
    detector.detect(bursts(), 16_000)


def test_events_come_before_the_recording_is_read_to_its_end(detector: Detector, tmp_path: Path) -> None:
    events = [Event(float(second), second + 0.5, "high") for second in range(100)]
    write_audio(tmp_path / "a.wav", sound(events, 100), RATE)
    done: list[float] = []
    stream = detector.iter_detect(tmp_path / "a.wav", progress=done.append)
    first = next(stream)
    assert first.onset == 0
    assert sum(done) < 20
    assert len([first, *stream]) == 100
    assert sum(done) == pytest.approx(100, abs=2)


@pytest.mark.parametrize(
    ("samples", "rate", "message"),
    [
        (np.zeros(0, np.float32), RATE, "no samples"),
        (np.zeros(100, np.float32), None, "sample_rate"),
        (np.full(100, np.nan, np.float32), RATE, "not a finite number"),
        (np.zeros((2, 100_000), np.float32), RATE, "transpose"),
    ],
)
def test_arrays_that_are_no_audio(
    detector: Detector, samples: np.ndarray, rate: int | None, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        detector.detect(samples, rate)


def test_files_that_are_no_audio(detector: Detector, tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_text("no audio")
    for name in ("a.wav", "b.wav"):
        with pytest.raises(InputError, match=name):
            detector.detect(tmp_path / name)


def test_sedt_from_a_package_on_disk(tmp_path: Path) -> None:
    save_package(tmp_path / "model", package(threshold=0.0))
    noise = np.random.default_rng(0).normal(0, 0.1, 16_000 * 4 + 1234)
    found = load(tmp_path / "model").detect(noise, 16_000)
    assert found
    assert found == sorted(found, key=lambda e: e.onset)
    assert all(0 <= e.onset < e.offset <= len(noise) / 16_000 for e in found)
    # Sums in another order differ in the last digits.
    for size in (1, 3):
        other = load(str(tmp_path / "model"), batch_size=size).detect(noise, 16_000)
        assert [e.label for e in other] == [e.label for e in found]
        assert [e.onset for e in other] == pytest.approx([e.onset for e in found], abs=1e-4)


def test_in_digital_silence_nothing_sounds() -> None:
    """The bundled model has learned from sounds alone, and would call silence something."""
    detector = sedt.load("demo")
    rate = detector.sample_rate
    assert detector.detect(np.zeros(rate), rate) == []
    assert detector.detect(np.zeros(30 * rate), rate) == []
    recording = Path(sedt.__file__).parent / "bundled" / "recording" / "recording.ogg"
    samples = read_audio(recording, rate)
    late = detector.detect(np.concatenate([np.zeros(3 * round(detector.hop_s * rate)), samples]), rate)
    assert late
    assert min(e.onset for e in late) > 2 * detector.hop_s


def test_models_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"give the folder of a model package, an \.onnx file, demo, or user/name"
    ):
        sedt.load("nothing")
    with pytest.raises(InputError, match="not a model package"):
        load(tmp_path)


def test_a_bundled_name_goes_before_a_folder_of_that_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "demo").mkdir()
    monkeypatch.chdir(tmp_path)
    assert find_model("demo").parent.name == "bundled"
    assert find_model("./demo/") != find_model("demo")


def test_memory_does_not_grow_with_the_recording(detector: Detector, tmp_path: Path) -> None:
    peaks = []
    for minutes in (1, 10):
        file = tmp_path / f"{minutes}.wav"
        write_audio(file, np.tile(sound([Event(1, 2, "low")], 60), minutes), RATE)
        tracemalloc.start()
        count = sum(1 for _ in detector.iter_detect(file))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert count == minutes
    # Nine minutes more are 17 MB as float32.
    assert peaks[1] - peaks[0] < 2_000_000
