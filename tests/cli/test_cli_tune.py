"""`sedt tune`, as a user runs it."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from sedt.audio import read_audio, write_audio
from sedt.cli.main import app
from sedt.detector import load
from sedt.events import Event
from sedt.formats import write_events


@pytest.fixture
def validation(tmp_path: Path) -> Path:
    """Two noisy recordings whose truth is what the demo model finds at a low threshold."""
    detector = load("demo")
    generator = np.random.default_rng(0)
    table: dict[str, list[Event]] = {}
    recording = Path(str(files("sedt"))) / "bundled" / "recording" / "recording.ogg"
    samples = read_audio(recording, detector.sample_rate)
    for name in ("a.wav", "b.wav"):
        noisy = samples + generator.standard_normal(len(samples)).astype(np.float32) * 0.01
        write_audio(tmp_path / "audio" / name, noisy, detector.sample_rate)
        table[name] = detector.detect(tmp_path / "audio" / name, threshold=0.2)
    truth = {n: [Event(e.onset, e.offset, e.label) for e in events] for n, events in table.items()}
    write_events(tmp_path / "truth.tsv", truth)
    return tmp_path


def test_a_copy_with_better_thresholds_is_written(validation: Path) -> None:
    arguments = ["tune", "demo", str(validation / "truth.tsv"), "--audio", str(validation / "audio")]
    result = CliRunner().invoke(app, [*arguments, "--output", str(validation / "tuned")])
    assert result.exit_code == 0, result.output
    assert "macro" in result.output
    tuned, before = load(validation / "tuned"), load("demo")
    assert isinstance(tuned.package.decoding.threshold, dict)
    assert set(tuned.package.decoding.threshold) == set(before.classes)
    assert tuned.package.info["tuned_on"].endswith("truth.tsv")
    assert before.package.info["scores"]  # which were measured with other thresholds
    assert "scores" not in tuned.package.info
    recording = validation / "audio" / "a.wav"
    assert len(tuned.detect(recording)) > len(before.detect(recording))


def test_labels_without_audio_are_an_error(validation: Path) -> None:
    result = CliRunner().invoke(app, ["tune", "demo", str(validation / "truth.tsv")])
    assert result.exit_code == 2
    assert "none of its 2 files is in" in result.output
