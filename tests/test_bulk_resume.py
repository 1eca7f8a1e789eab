"""A long recording that was interrupted: what is found in the end is what one run would have found."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from processes import children, wait_until_gone
from sedt.audio import write_audio
from sedt.bulk import Job, Outcome, Source, Watcher, detect_all
from sedt.bulk.partial import Partial, Progress
from sedt.events import Event
from tones import RATE, scene, sound, tone_detector

LENGTH_S = 120.0
"""Fifteen batches of the tone detector's windows."""

SLOW = """
import sys, time
from pathlib import Path
from sedt.bulk import Job, Source, Watcher, detect_all
from sedt.detector import Detector
from tones import tone_package

class Slow(Detector):
    def iter_detect(self, audio, *, progress, **options):
        def slowly(seconds):
            time.sleep(0.3)
            progress(seconds)
        return super().iter_detect(audio, progress=slowly, **options)

class Printer(Watcher):
    def heard(self, source, seconds):
        print("heard", flush=True)

def load():
    return Slow(tone_package())

if __name__ == "__main__":
    path, output, every_s, workers = sys.argv[1:]
    job = Job(load, output=Path(output), formats=("json",), save_every_s=float(every_s))
    sources = [Source("a.wav", Path(path)), Source("b.wav", Path(path))]
    detect_all(job, sources[:int(workers)], workers=int(workers), watcher=Printer())
"""


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("long") / "a.wav"
    write_audio(path, sound(scene(LENGTH_S), LENGTH_S), RATE)
    return path


@pytest.fixture(scope="module")
def whole(recording: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The table of a run that nobody interrupted, as exact as numbers are."""
    out = tmp_path_factory.mktemp("whole")
    detect_all(job(out), [Source("a.wav", recording)])
    table = (out / "a.wav.json").read_bytes()
    assert table.count(b"onset") > 50
    return table


def job(output: Path | None, every_s: float = 60.0) -> Job:
    return Job(tone_detector, output=output, formats=("json",), save_every_s=every_s)


class StopAt(Watcher):
    """Interrupts after so many batches; remembers where it began."""

    def __init__(self, num_batches: int = 0) -> None:
        self._left = num_batches
        self.from_s = -1.0
        self.seconds = 0.0

    def started(self, source: Source, from_s: float) -> None:
        self.from_s = from_s

    def heard(self, source: Source, seconds: float) -> None:
        self.seconds += seconds
        self._left -= 1
        if self._left == 0:
            raise KeyboardInterrupt


@pytest.mark.parametrize("num_batches", [1, 2, 7, 14, 15])
def test_interrupted_after_any_batch(recording: Path, whole: bytes, tmp_path: Path, num_batches: int) -> None:
    sources, outcome = [Source("a.wav", recording)], Outcome()
    with pytest.raises(KeyboardInterrupt):
        detect_all(job(tmp_path), sources, watcher=StopAt(num_batches), outcome=outcome)
    assert not outcome.done
    assert (tmp_path / "a.wav.partial.jsonl").exists() == (num_batches > 1)
    rest = StopAt()
    outcome = detect_all(job(tmp_path), sources, watcher=rest)
    assert (tmp_path / "a.wav.json").read_bytes() == whole
    assert rest.from_s == 8 * (num_batches - 1), "of windows of 2 s, one each s, one batch is done again"
    assert rest.from_s + rest.seconds == outcome.done["a.wav"] == LENGTH_S
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.wav.json", "sedt-detect.jsonl"]


def test_interrupted_again_and_again(recording: Path, whole: bytes, tmp_path: Path) -> None:
    sources = [Source("a.wav", recording)]
    for _ in range(6):
        with pytest.raises(KeyboardInterrupt):
            detect_all(job(tmp_path, every_s=0), sources, watcher=StopAt(3))
    detect_all(job(tmp_path), sources)
    assert (tmp_path / "a.wav.json").read_bytes() == whole


def test_a_recording_that_was_changed_begins_anew(recording: Path, tmp_path: Path) -> None:
    copy = tmp_path / "a.wav"
    copy.write_bytes(recording.read_bytes())
    sources = [Source("a.wav", copy)]
    with pytest.raises(KeyboardInterrupt):
        detect_all(job(tmp_path / "out"), sources, watcher=StopAt(5))
    write_audio(copy, sound([Event(1, 2, "low")], 30), RATE)
    rest = StopAt()
    detect_all(job(tmp_path / "out"), sources, watcher=rest)
    assert (rest.from_s, rest.seconds) == (0, 30)


def test_with_overwrite_it_begins_anew(recording: Path, whole: bytes, tmp_path: Path) -> None:
    sources = [Source("a.wav", recording)]
    with pytest.raises(KeyboardInterrupt):
        detect_all(job(tmp_path), sources, watcher=StopAt(5))
    rest = StopAt()
    detect_all(job(tmp_path), sources, watcher=rest, overwrite=True)
    assert rest.from_s == 0
    assert (tmp_path / "a.wav.json").read_bytes() == whole


def test_without_output_nothing_is_left_behind(
    recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        detect_all(job(None, every_s=0), [Source("a.wav", recording)], watcher=StopAt(5))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("number", "every_s", "workers"),
    [(signal.SIGKILL, 0.3, 1), (signal.SIGINT, 60.0, 1), (signal.SIGKILL, 0.3, 2), (signal.SIGINT, 60.0, 2)],
)
@pytest.mark.slow  # processes of their own import torch
def test_a_process_that_is_killed(
    recording: Path, whole: bytes, tmp_path: Path, number: signal.Signals, every_s: float, workers: int
) -> None:
    (tmp_path / "slow.py").write_text(SLOW)
    partial = tmp_path / "out" / "a.wav.partial.jsonl"
    process = subprocess.Popen(
        [sys.executable, tmp_path / "slow.py", recording, tmp_path / "out", str(every_s), str(workers)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert process.stdout is not None
    for _ in range(6 * workers):
        assert process.stdout.readline() == b"heard\n"
    others = children(process.pid)
    process.send_signal(number)
    process.communicate(timeout=120)
    assert process.returncode in (-number, 1)
    wait_until_gone(others)  # workers see that their parent is dead, note how far they are, and end
    assert partial.exists()
    with partial.open("a") as file:
        file.write('{"events": [[1.0, 2')  # and one that was killed as it wrote
    rest = StopAt()
    detect_all(job(tmp_path / "out"), [Source("a.wav", recording)], watcher=rest)
    assert rest.from_s >= 8
    assert (tmp_path / "out" / "a.wav.json").read_bytes() == whole
    assert not partial.exists()


def test_what_is_saved_comes_back_bit_by_bit(tmp_path: Path) -> None:
    from sedt.bulk.job import Stamp

    events = [Event(0.1 + 0.2, 1 / 3 + 1, "a\t\n日", 0.1), Event(2, 3, "b")]
    file = tmp_path / "a.partial.jsonl"
    first = Partial(file, "run", Stamp(1, 2))
    assert first.load() == Progress()
    first.save(events[:1], 3, events[1:])
    first.save(events, 5, [])
    line = file.read_text().splitlines()[-1]
    file.write_text(file.read_text() + line + "\n")  # who is interrupted in a save does it again
    assert Partial(file, "run", Stamp(1, 2)).load() == Progress(events, 5, [])
    assert Partial(file, "other", Stamp(1, 2)).load() == Progress()
    assert Partial(file, "run", Stamp(1, 3)).load() == Progress()
