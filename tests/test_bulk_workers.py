"""Worker processes: the same tables, and a death that costs one recording."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sedt.audio import write_audio
from sedt.bulk import Job, Outcome, Source, Watcher, detect_all, find_sources
from sedt.detector import Detector
from sedt.errors import InputError
from sedt.events import Event
from tones import RATE, scene, sound, tone_detector, tone_package

pytestmark = pytest.mark.slow  # every worker imports torch


class Deadly(Detector):
    """Some recordings end the process that listens to them."""

    def iter_detect(self, audio: Any, *arguments: Any, **options: Any) -> Iterator[Event]:
        if Path(audio).name == "killer.wav":
            os.kill(os.getpid(), signal.SIGKILL)
        if Path(audio).name == "leaver.wav":
            os._exit(3)
        return super().iter_detect(audio, *arguments, **options)


def deadly_detector() -> Detector:
    return Deadly(tone_package())


def no_detector() -> Detector:
    raise InputError("m: no such model")


def dead_detector() -> Detector:
    os._exit(9)


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("many") / "rec"
    for number in range(6):
        write_audio(folder / f"{number}.wav", sound(scene(5 + number, number), 5 + number), RATE)
    (folder / "3.wav").write_text("no audio")
    return folder


def test_two_workers_do_what_one_does(recordings: Path, tmp_path: Path) -> None:
    sources, _ = find_sources([str(recordings)])
    outcomes = [
        detect_all(Job(tone_detector, output=tmp_path / str(workers)), sources, workers=workers)
        for workers in (1, 2)
    ]
    assert list(outcomes[0].done.items()) == list(outcomes[1].done.items())
    assert list(outcomes[0].done) == [f"{number}.wav" for number in (0, 1, 2, 4, 5)]
    assert outcomes[0].failures == outcomes[1].failures
    for name in outcomes[0].done:
        one, two = (tmp_path / workers / f"{name}.tsv" for workers in ("1", "2"))
        assert one.read_bytes() == two.read_bytes()
    again = detect_all(Job(tone_detector, output=tmp_path / "2"), sources, workers=2)
    assert again.skipped == 5


def test_without_output_events_come_through_the_pipe(recordings: Path) -> None:
    sources, _ = find_sources([str(recordings)])
    one, two = (detect_all(Job(tone_detector), sources, workers=workers) for workers in (1, 2))
    assert one.events == two.events
    assert list(one.events) == list(two.events)


def test_a_worker_that_dies_costs_its_recording_alone(recordings: Path, tmp_path: Path) -> None:
    sources, _ = find_sources([str(recordings)])
    first = recordings / "0.wav"
    dying = [Source(name, first.parent / name) for name in ("killer.wav", "leaver.wav")]
    for source in dying:
        source.path.write_bytes(first.read_bytes())
    try:
        job = Job(deadly_detector, output=tmp_path)
        outcome = detect_all(job, [dying[0], *sources, dying[1]], workers=2)
    finally:
        for source in dying:
            source.path.unlink()
    assert list(outcome.done) == [f"{number}.wav" for number in (0, 1, 2, 4, 5)]
    reasons = [outcome.failures[source.name] for source in dying]
    assert reasons == [
        f"{dying[0].path}: its worker process ended (signal 9: killed, or out of memory)",
        f"{dying[1].path}: its worker process ended (exit code 3)",
    ]
    assert detect_all(Job(tone_detector, output=tmp_path), sources).skipped == 5


def test_an_interrupt_keeps_what_all_workers_have(recordings: Path, tmp_path: Path) -> None:
    long = [Source(f"{number}.wav", tmp_path / f"{number}.wav") for number in (0, 1)]
    for number, source in enumerate(long):
        write_audio(source.path, sound(scene(600, number), 600), RATE)

    class Stop(Watcher):
        def __init__(self) -> None:
            self.at: dict[str, float] = {}

        def started(self, source: Source, from_s: float) -> None:
            self.at[source.name] = from_s

        def heard(self, source: Source, seconds: float) -> None:
            self.at[source.name] += seconds
            if len(self.at) == 2 and min(self.at.values()) >= 24:
                raise KeyboardInterrupt

    outcome = Outcome()
    job = Job(tone_detector, output=tmp_path / "out", formats=("json",))
    with pytest.raises(KeyboardInterrupt):
        detect_all(job, long, workers=2, watcher=Stop(), outcome=outcome)
    kept = {file.name for file in (tmp_path / "out").glob("*.partial.jsonl")}
    assert kept == {f"{source.name}.partial.jsonl" for source in long if source.name not in outcome.done}
    detect_all(job, long, workers=2)
    for source in long:
        detect_all(Job(tone_detector, output=tmp_path / "one", formats=("json",)), [source])
        one, two = (tmp_path / folder / f"{source.name}.json" for folder in ("one", "out"))
        assert one.read_bytes() == two.read_bytes()


def test_a_model_that_cannot_be_loaded_is_told_once(recordings: Path) -> None:
    sources, _ = find_sources([str(recordings)])
    with pytest.raises(InputError, match=r"^m: no such model$"):
        detect_all(Job(no_detector), sources, workers=2)
    with pytest.raises(InputError, match="worker processes end before they begin"):
        detect_all(Job(dead_detector), sources, workers=2)
