"""Pictures of what was found."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sedt.errors import InputError
from sedt.events import Event
from sedt.pictures import MAX_COLUMNS, draw_events, spectrogram_db

RATE = 8000


def burst(duration_s: float, start_s: float, length_s: float, hz: float = 1000) -> np.ndarray:
    """Faint noise with one tone."""
    samples = np.random.default_rng(0).normal(0, 1e-4, round(duration_s * RATE))
    first, last = round(start_s * RATE), round((start_s + length_s) * RATE)
    samples[first:last] += 0.5 * np.sin(2 * np.pi * hz * np.arange(last - first) / RATE)
    return samples.astype(np.float32)


def size(file: Path) -> tuple[int, int]:
    """Width and height that a PNG's header states."""
    content = file.read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", content[16:24])
    return width, height


@pytest.mark.parametrize("duration_s", [3.0, 100.0, 1000.0])
def test_a_tone_lies_at_its_time_and_frequency(duration_s: float) -> None:
    start_s, length_s = duration_s * 0.8, max(0.2, duration_s * 0.01)
    image = spectrogram_db(burst(duration_s, start_s, length_s))
    bands, columns = image.shape
    assert columns <= MAX_COLUMNS
    assert image.max() == 0
    loud = np.argwhere(image > -6)
    # 1000 of 4000 Hz; a frame of 128 ms blurs the edges
    assert loud[:, 0].mean() / bands == pytest.approx(0.25, abs=0.01)
    middle_s = (loud[:, 1].min() + loud[:, 1].max() + 1) / 2 / columns * duration_s
    assert middle_s == pytest.approx(start_s + length_s / 2, abs=0.1 + duration_s / columns)


def test_a_short_sound_in_a_long_recording_is_seen() -> None:
    image = spectrogram_db(burst(1000, 500.3, 0.05))
    assert image[:, 800].max() > -20
    assert image[:, [700, 900]].max() < -40


@pytest.mark.parametrize("num_samples", [0, 1, 1023, 1024, 1025])
def test_few_samples(num_samples: int) -> None:
    image = spectrogram_db(np.zeros(num_samples, np.float32))
    assert image.shape[1] == 1
    assert (image == -80).all(), "silence is dark"


def test_a_picture_with_lanes(tmp_path: Path) -> None:
    samples = burst(3, 1, 1)
    found = [Event(1, 2, "tone", 0.9), Event(0.2, 0.201, "click", 0.5)]
    one, two = tmp_path / "one.png", tmp_path / "new" / "two.png"
    draw_events(one, samples, RATE, found[:1])
    draw_events(
        two, samples, RATE, found, reference=[Event(1.1, 2, "tone"), Event(0, 1, "other")], title="$x_"
    )
    assert size(one)[0] == size(two)[0]
    assert size(two)[1] > size(one)[1], "a lane per label"


def test_nothing_found_is_a_picture_too(tmp_path: Path) -> None:
    draw_events(tmp_path / "a.png", np.zeros(RATE, np.float32), RATE, [])
    assert size(tmp_path / "a.png")[0] > 500


def test_boxes_and_outlines_are_there(tmp_path: Path) -> None:
    """In an SVG shapes can be counted: one more event is one more path."""

    def num_paths(events: list[Event], reference: list[Event]) -> int:
        draw_events(tmp_path / "a.svg", burst(3, 1, 1), RATE, events, reference=reference)
        return (tmp_path / "a.svg").read_text().count("<path ")

    tone, second = Event(0.5, 1, "tone"), Event(2, 2.5, "tone")
    base = num_paths([tone], [tone])
    assert num_paths([tone, second], [tone]) == base + 1
    assert num_paths([tone], [tone, second]) == base + 1


def test_an_ending_that_is_no_picture(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.wav: a picture's name must end in one of .*png"):
        draw_events(tmp_path / "a.wav", np.zeros(RATE, np.float32), RATE, [])
    assert list(tmp_path.iterdir()) == []


def test_no_figure_window_is_ever_opened(tmp_path: Path) -> None:
    code = (
        "import sys, numpy as np, sedt.pictures as p\n"
        "assert 'matplotlib' not in sys.modules\n"
        "p.draw_events(sys.argv[1], np.zeros(100, np.float32), 100, [])\n"
        "sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path / "a.png")], check=False).returncode == 0
