"""Audio block by block: the events of the whole recording, in time, in bounded memory."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from importlib.resources import as_file, files
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr
from numpy.typing import NDArray

from sedt.audio import read_audio
from sedt.detector import Detector, load
from sedt.errors import InputError
from sedt.events import Event
from sedt.windows import window_batches
from tones import RATE, scene, sound, tone_package


class Feed:
    """Samples in blocks of random length, and how many of them were taken so far."""

    def __init__(self, samples: NDArray[Any], longest: int, seed: int = 0) -> None:
        self.samples, self.longest = samples, longest
        self.generator = np.random.default_rng(seed)
        self.taken = 0

    def __iter__(self) -> Iterator[NDArray[Any]]:
        while self.taken < len(self.samples):
            first, length = self.taken, int(self.generator.integers(0, self.longest + 1))
            self.taken = min(first + length, len(self.samples))
            yield self.samples[first : self.taken]


def ordered(events: list[Event]) -> list[Event]:
    return sorted(events, key=lambda e: (e.onset, e.offset, e.label))


def times(events: list[Event]) -> list[tuple[float, float, str]]:
    return [(round(e.onset, 4), round(e.offset, 4), e.label) for e in events]


@pytest.fixture(scope="module")
def demo() -> Detector:
    """One window at a time: sums of other batches differ in the last digits."""
    return load("demo", batch_size=1)


@pytest.mark.parametrize("longest", [1, 7, 160, 5_000, 100_000, 1_000_000])
def test_where_the_blocks_are_cut_does_not_matter(longest: int) -> None:
    duration_s = 3 if longest == 1 else 60
    samples, detector = sound(scene(duration_s), duration_s), Detector(tone_package())
    found = list(detector.stream(Feed(samples, longest), RATE))
    assert found
    assert ordered(found) == detector.detect(samples, RATE)


@pytest.mark.parametrize("overlap_s", [None, 0.5, 0.1, 0.0])
@pytest.mark.parametrize("longest", [80, 40_000])
def test_an_event_comes_at_most_window_and_hop_after_its_offset(
    overlap_s: float | None, longest: int
) -> None:
    detector = Detector(tone_package(overlap_s=overlap_s))
    feed = Feed(sound(scene(120, seed=1), 120), longest)
    waits = [feed.taken / RATE - event.offset for event in detector.stream(feed, RATE)]
    assert len(waits) > 50
    assert max(waits) <= detector.window_s + detector.hop_s + longest / RATE
    assert min(waits[:-10]) >= 0, "an event is not told before it has ended"


def test_an_event_that_lasts_comes_once_when_it_has_ended() -> None:
    detector = Detector(tone_package())
    events = [Event(1.5, 41.3, "low"), Event(50, 50.5, "high")]
    feed = Feed(sound(events, 60), 800)
    stream = detector.stream(feed, RATE)
    first = next(stream)
    assert times([first]) == times(events[:1])
    assert 41.3 <= feed.taken / RATE <= 41.3 + detector.window_s + detector.hop_s + 0.1
    assert times(list(stream)) == times(events[1:])


def test_a_real_recording_in_random_blocks(demo: Detector) -> None:
    with as_file(files("sedt") / "bundled" / "recording" / "recording.ogg") as file:
        whole = demo.detect(file)
        samples, rate = soundfile.read(file, dtype="float32")
        batches = load("demo").detect(file)
    assert whole
    for seed, longest in enumerate((160, 10_000, 300_000)):
        assert ordered(list(demo.stream(Feed(samples, longest, seed), rate))) == whole
    assert [e.label for e in batches] == [e.label for e in whole]
    assert [e.onset for e in batches] == pytest.approx([e.onset for e in whole], abs=1e-3)


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_real_recordings_two_channels_another_rate(demo: Detector, data_folder: Path, rate: int) -> None:
    for seed, file in enumerate(sorted((data_folder / "office_test" / "audio").iterdir())[:2]):
        mono = soxr.resample(read_audio(file, 16_000), 16_000, rate)
        samples = np.stack([mono, mono * np.float32(0.5)], axis=1)
        whole = demo.detect(samples, rate, threshold=0.2)
        assert whole
        feed = Feed(samples, rate, seed)
        found = []
        for event in demo.stream(feed, rate, threshold=0.2):
            found.append(event)
            assert feed.taken / rate <= event.offset + demo.window_s + demo.hop_s + 1
        assert ordered(found) == whole


def test_candidates_and_thresholds_as_for_detect() -> None:
    detector, samples = Detector(tone_package()), sound(scene(20), 20)
    feed = Feed(samples, 3_000)
    assert ordered(list(detector.stream(feed, RATE, undecided=True))) == detector.detect(
        samples, RATE, undecided=True
    )
    assert not list(detector.stream(Feed(samples, 3_000), RATE, threshold=0.9))


def test_a_stream_without_end_takes_bounded_memory() -> None:
    minute = (sound([Event(1, 2, "low")], 60) * 32767).astype(np.int16)[:, None]

    def endless() -> Iterator[NDArray[Any]]:
        while True:
            yield from np.split(minute, 600)

    detector = Detector(tone_package())
    peaks = []
    for minutes in (2, 20):
        tracemalloc.start()
        assert sum(1 for _ in islice(detector.stream(endless(), RATE), minutes)) == minutes
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # Eighteen minutes more are 34 MB as float32.
    assert peaks[1] - peaks[0] < 1_000_000


def test_no_blocks_and_blocks_without_samples_have_no_events() -> None:
    detector = Detector(tone_package())
    assert list(detector.stream([], RATE)) == []
    assert list(detector.stream([np.zeros(0), np.zeros((0, 2), np.int16)], RATE)) == []


@pytest.mark.parametrize(
    ("block", "rate", "message"),
    [
        (np.full(100, np.nan, np.float32), RATE, r"a sample at 1\.000 s is not a finite number"),
        (np.zeros((2, 2, 2), np.float32), RATE, "shape"),
        (np.zeros(10, np.int64), RATE, "of type int64"),
        (np.zeros(10, np.float32), 0, "sample rate 0"),
    ],
)
def test_blocks_that_are_no_audio(block: NDArray[Any], rate: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        list(Detector(tone_package()).stream([np.zeros(RATE, np.float32), block], rate))


def test_a_source_that_fails_loses_nothing_of_what_came_before() -> None:
    events = [Event(0.5, 1.5, "low"), Event(2.5, 3.0, "high"), Event(3.4, 3.8, "low")]
    samples = sound(events, 3.9)

    def unplugged() -> Iterator[NDArray[Any]]:
        yield from np.split(samples, 13)
        raise InputError("microphone: gone")

    found: list[Event] = []
    with pytest.raises(InputError, match="microphone: gone"):
        found.extend(Detector(tone_package()).stream(unplugged(), RATE))
    assert times(ordered(found)) == times(events)


@pytest.mark.parametrize("left_off", [1, 7, 20])
def test_going_on_where_another_run_was_left_off(left_off: int) -> None:
    samples, detector = sound(scene(60, seed=4), 60), Detector(tone_package(), batch_size=3)
    first, done = detector.joiner(), list[Event]()

    def stop(seconds: float) -> None:
        if first.index >= left_off:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        done.extend(detector.iter_detect(samples, RATE, joiner=first, progress=stop))
    second = detector.joiner(index=first.index, held=first.held)
    rest = list(detector.iter_detect(samples, RATE, joiner=second))
    assert ordered(done + rest) == detector.detect(samples, RATE)


def test_progress_adds_up_to_the_recording() -> None:
    for duration_s in (0.5, 2.0, 3.7, 60.0):
        seconds: list[float] = []
        Detector(tone_package()).detect(sound([], duration_s), RATE, progress=seconds.append)
        assert sum(seconds) == pytest.approx(duration_s)


def test_hops_are_whole_samples_or_times_would_drift() -> None:
    detector = Detector(tone_package(window_s=1 / 3))
    assert detector.hop_s * RATE == pytest.approx(round(detector.hop_s * RATE), abs=1e-9)


@pytest.mark.parametrize("least", [1, 3])
@pytest.mark.parametrize("num_samples", [0, 1, 9, 10, 11, 15, 16, 107])
def test_windows(num_samples: int, least: int) -> None:
    samples = np.arange(num_samples, dtype=np.float32)
    blocks = np.split(samples, range(0, num_samples, 4))
    batches = list(window_batches(blocks, 10, 5, least, 3))
    assert [is_last for _, is_last in batches] == [False] * (len(batches) - 1) + [True] * bool(num_samples)
    windows = [window.tolist() for batch, _ in batches for window in batch]
    starts = [k * 5 for k in range(100) if k == 0 or k * 5 + 5 < num_samples]
    assert windows == [samples[start : start + 10].tolist() for start in starts if num_samples]
    assert all(len(batch) <= 3 for batch, _ in batches)
