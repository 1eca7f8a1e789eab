"""Scenes written to a folder."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from sedt.audio import audio_duration, read_audio
from sedt.config import ScenesConfig
from sedt.data.mixer import SceneMixer
from sedt.data.scenes import TABLES, summary, write_scenes
from sedt.errors import InputError
from sedt.events import Event
from sedt.formats.dcase import read_durations, read_strong, read_unlabelled, read_weak

RATE = 8000


@pytest.fixture
def bank(tmp_path: Path) -> Path:
    folder = tmp_path / "bank"
    for number, label in enumerate(["bell", "siren"]):
        (folder / label).mkdir(parents=True)
        t = np.arange(3 * RATE) / RATE
        soundfile.write(folder / label / "a.wav", 0.5 * np.sin(2 * np.pi * 300 * (number + 1) * t), RATE)
    return folder


def make(bank: Path, **options: Any) -> SceneMixer:
    settings = {"duration_s": 2.0, "events": (0, 3), "num_scenes": 6, **options}
    return SceneMixer(ScenesConfig(foreground=bank, **settings), RATE)


def content(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_audio_and_tables_say_the_same(bank: Path, tmp_path: Path) -> None:
    mixer = make(bank)
    out = tmp_path / "out"
    table = write_scenes(mixer, out)
    names = [f"scene_{index:05d}.flac" for index in range(6)]
    assert list(table) == names
    assert sorted(path.name for path in (out / "audio").iterdir()) == names
    assert read_unlabelled(out / "unlabelled.tsv") == names
    assert read_durations(out / "durations.tsv") == dict.fromkeys(names, 2.0)
    strong, weak = read_strong(out / "strong.tsv"), read_weak(out / "weak.tsv")
    for index, name in enumerate(names):
        scene = mixer.scene(index)
        assert audio_duration(out / "audio" / name) == 2.0
        np.testing.assert_allclose(read_audio(out / "audio" / name, RATE), scene.waveform, atol=1 / 32768)
        assert table[name] == scene.events
        assert [e.label for e in strong[name]] == [e.label for e in scene.events]
        for written, made in zip(strong[name], scene.events, strict=True):
            assert written.onset == pytest.approx(made.onset, abs=0.0006)
            assert written.offset == pytest.approx(made.offset, abs=0.0006)
        assert set(weak.get(name, [])) == {e.label for e in scene.events}
    assert any(not events for events in table.values())


@pytest.mark.parametrize("workers", [1, 2])
def test_same_seed_same_bytes(bank: Path, tmp_path: Path, workers: int) -> None:
    write_scenes(make(bank), tmp_path / "a")
    write_scenes(make(bank), tmp_path / "b", workers=workers)
    assert content(tmp_path / "a") == content(tmp_path / "b")
    write_scenes(make(bank, seed=1), tmp_path / "c")
    changed = content(tmp_path / "c")
    assert all(changed[name] != data for name, data in content(tmp_path / "a").items() if "scene_" in name)


def test_finished_scenes_are_left_as_they_are(bank: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = write_scenes(make(bank), out)
    times = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    again = write_scenes(make(bank), out)
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == times
    assert {n: [e.label for e in events] for n, events in again.items()} == {
        n: [e.label for e in events] for n, events in first.items()
    }


def test_a_run_cut_off_goes_on(bank: Path, tmp_path: Path) -> None:
    write_scenes(make(bank), tmp_path / "whole")
    out = tmp_path / "out"

    class CutOffError(Exception):
        pass

    done: list[int] = []

    def after_scene() -> None:
        done.append(1)
        if len(done) == 3:
            raise CutOffError

    with pytest.raises(CutOffError):
        write_scenes(make(bank), out, after_scene=after_scene)
    kept = {path: path.stat().st_mtime_ns for path in (out / "audio").iterdir()}
    assert len(kept) == 3
    assert not any((out / name).exists() for name in TABLES)
    write_scenes(make(bank), out)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert content(out) == content(tmp_path / "whole")


def test_more_scenes_may_be_added(bank: Path, tmp_path: Path) -> None:
    write_scenes(make(bank, num_scenes=9), tmp_path / "whole")
    write_scenes(make(bank, num_scenes=4), tmp_path / "out")
    write_scenes(make(bank, num_scenes=9), tmp_path / "out")
    assert content(tmp_path / "out") == content(tmp_path / "whole")


def test_other_settings_need_overwrite(bank: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    write_scenes(make(bank), out)
    for options in ({"seed": 1}, {"num_scenes": 5}):
        with pytest.raises(InputError, match=r"other settings.*--overwrite"):
            write_scenes(make(bank, **options), out)
    write_scenes(make(bank, seed=1, num_scenes=5), out, suffix=".wav", overwrite=True)
    assert sorted(path.name for path in (out / "audio").iterdir()) == [f"scene_{i:05d}.wav" for i in range(5)]
    assert len(read_strong(out / "strong.tsv")) == 5


def test_other_sounds_need_overwrite(bank: Path, tmp_path: Path) -> None:
    """Audio that is there would get the labels of scenes that were mixed from others."""
    out = tmp_path / "out"
    write_scenes(make(bank, num_scenes=4), out)
    before = content(out)
    moved = bank.rename(tmp_path / "moved")
    bank.symlink_to(moved)  # where sounds lie makes no difference
    write_scenes(make(bank, num_scenes=4), out)
    assert content(out) == before
    label = next(path for path in moved.iterdir() if path.is_dir())
    shutil.copytree(label, moved / "zebra")
    for number in (4, 6):
        with pytest.raises(InputError, match=r"other settings or sounds.*--overwrite"):
            write_scenes(make(bank, num_scenes=number), out)
    assert content(out) == before
    settings = json.loads((out / "scenes.json").read_text(encoding="utf-8"))
    del settings["made_of"]  # as older versions wrote it
    (out / "scenes.json").write_text(json.dumps(settings), encoding="utf-8")
    write_scenes(make(bank, num_scenes=4), out)
    assert content(out)["strong.tsv"] == before["strong.tsv"]


def test_audio_of_others_is_not_touched(bank: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "audio").mkdir(parents=True)
    (out / "audio" / "mine.wav").touch()
    with pytest.raises(InputError, match="give another folder"):
        write_scenes(make(bank), out)
    assert list(content(out)) == ["audio/mine.wav"]


def test_the_ending_must_be_one_that_is_written(bank: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"not '\.mp3'"):
        write_scenes(make(bank), tmp_path / "out", suffix=".mp3")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_sound_that_cannot_be_read_is_an_error(bank: Path, tmp_path: Path, workers: int) -> None:
    (bank / "bell" / "a.wav").write_text("no audio")
    with pytest.raises(InputError, match=r"a\.wav: not audio"):
        write_scenes(make(bank, events=(3, 3)), tmp_path / "out", workers=workers)


def test_the_summary_counts() -> None:
    table = {"a": [Event(0, 1, "x"), Event(0, 3, "y"), Event(2, 4, "x")], "b": []}
    assert summary(table).splitlines() == [
        "2 scenes (1 without events), 3 events",
        "  x: 2",
        "  y: 1",
        "event length in s: shortest 1.00, 10 % 1.20, median 2.00, 90 % 2.80, longest 3.00",
    ]
    assert summary({"a": []}) == "1 scenes (1 without events), 0 events"
