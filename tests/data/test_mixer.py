"""The scene mixer: what it says of a scene is what can be heard in it."""

from __future__ import annotations

import hashlib
import os
import pickle
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sedt.config import ScenesConfig
from sedt.data import mixer as mixer_module
from sedt.data.mixer import Scene, SceneMixer
from sedt.data.noise import rms
from sedt.errors import InputError
from sedt.events import Event

RATE = 8000
BLOCK = 0.005


def silence(seconds: float) -> NDArray[np.float32]:
    return np.zeros(round(seconds * RATE), np.float32)


def hum(seconds: float, frequency: float = 200.0, level: float = 0.5) -> NDArray[np.float32]:
    t = np.arange(round(seconds * RATE)) / RATE
    return (level * np.sin(2 * np.pi * frequency * t)).astype(np.float32)


def hiss(seconds: float, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(0, 0.1, round(seconds * RATE)).astype(np.float32)


def pulses(seconds: float) -> NDArray[np.float32]:
    """0.1 s of noise in every 0.5 s."""
    return hiss(seconds) * (np.arange(round(seconds * RATE)) % (RATE // 2) < RATE // 10)


SOUNDS = {
    "hum/long.wav": hum(6.0),
    "hum/padded.wav": np.concatenate([silence(0.5), hum(0.8, 300), silence(0.7)]),
    "hiss/long.flac": hiss(8.0),
    "hiss/short.wav": np.concatenate([silence(0.2), hiss(0.1), silence(0.2)]),
    "pulses/a.wav": pulses(6.0),
}


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder per class."""
    folder = tmp_path_factory.mktemp("bank")
    for name, samples in SOUNDS.items():
        (folder / name).parent.mkdir(exist_ok=True)
        soundfile.write(folder / name, samples, RATE)
    return folder


def make(foreground: Path, **options: Any) -> SceneMixer:
    return SceneMixer(ScenesConfig(foreground=foreground, **{"duration_s": 6.0, **options}), RATE)


def digest(scene: Scene) -> str:
    return hashlib.sha256(scene.waveform.tobytes() + repr(scene.events).encode()).hexdigest()


# What a scene depends on


def test_a_scene_follows_from_seed_epoch_and_index_alone(bank: Path) -> None:
    options = {"noise": "random", "num_scenes": 6, "seed": 7}
    forward, backward = make(bank, **options), make(bank, **options)
    wanted = [(index, epoch) for index in range(6) for epoch in (0, 1)]
    first = {key: digest(forward.scene(*key)) for key in wanted}
    second = {key: digest(backward.scene(*key)) for key in reversed(wanted)}
    assert first == second
    assert len(set(first.values())) == len(wanted)
    assert {digest(make(bank, **{**options, "seed": 8}).scene(*key)) for key in wanted}.isdisjoint(
        first.values()
    )


def test_another_process_makes_the_same_scenes(bank: Path) -> None:
    program = (
        "import sys, hashlib, pickle\n"
        "mixer = pickle.loads(sys.stdin.buffer.read())\n"
        "for index in (2, 0, 1):\n"
        "    scene = mixer.scene(index, 3)\n"
        "    content = scene.waveform.tobytes() + repr(scene.events).encode()\n"
        "    print(index, hashlib.sha256(content).hexdigest())\n"
    )
    mixer = make(bank)
    mixer.scene(0)
    message = pickle.dumps(mixer)
    assert len(message) < 100_000  # decoded sounds are not sent along
    environment = {**os.environ, "PYTHONHASHSEED": "1"}
    result = subprocess.run(
        [sys.executable, "-c", program], input=message, capture_output=True, check=True, env=environment
    )
    there = dict(line.split() for line in result.stdout.decode().splitlines())
    assert there == {str(index): digest(mixer.scene(index, 3)) for index in range(3)}


def test_memory_changes_nothing(bank: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = make(bank)
    for index in range(4):
        kept.scene(index)
    monkeypatch.setattr(mixer_module, "MEMORY_BYTES", 0)
    forgetful = make(bank)
    assert [digest(kept.scene(i)) for i in range(4)] == [digest(forgetful.scene(i)) for i in range(4)]


def test_events_stay_when_the_background_changes(bank: Path) -> None:
    pink, white = make(bank), make(bank, noise="white", noise_db=(-60, -50))
    for index in range(5):
        assert pink.scene(index).events == white.scene(index).events == pink.events(index)
        assert not np.array_equal(pink.scene(index).waveform, white.scene(index).waveform)


def test_a_scene_is_what_the_settings_say(bank: Path) -> None:
    mixer = make(bank, duration_s=2.5, num_scenes=7)
    scene = mixer.scene(5)
    assert len(mixer) == 7
    assert mixer.labels == ["hiss", "hum", "pulses"]
    assert scene.name == "scene_00005"
    assert scene.waveform.shape == (20_000,)
    assert scene.waveform.dtype == np.float32


# Events


def most_at_once(events: list[Event]) -> int:
    return max((sum(e.onset <= at.onset < e.offset for e in events) for at in events), default=0)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 10_000),
    events=st.tuples(st.integers(0, 5), st.integers(5, 12)),
    max_polyphony=st.integers(1, 4),
    gap=st.sampled_from([0.0, 0.2, 1.0]),
    duration_s=st.floats(0.5, 8.0),
)
def test_events_keep_the_limits(
    bank: Path, seed: int, events: tuple[int, int], max_polyphony: int, gap: float, duration_s: float
) -> None:
    mixer = make(
        bank,
        seed=seed,
        events=events,
        max_polyphony=max_polyphony,
        same_class_gap_s=gap,
        duration_s=duration_s,
        event_duration_s=(0.25, 2.0),
    )
    found = mixer.events(0)
    assert len(found) <= events[1]
    assert found == sorted(found)
    assert most_at_once(found) <= max_polyphony
    for event in found:
        assert 0 <= event.onset < event.offset <= mixer.num_samples / RATE
        assert event.duration <= 2.0 + 1 / RATE
    for label in mixer.labels:
        same = [e for e in found if e.label == label]
        assert all(b.onset - a.offset >= gap - 1 / RATE for a, b in pairwise(same))


def test_numbers_classes_and_lengths_are_drawn_as_set(bank: Path) -> None:
    mixer = make(
        bank, classes=["hum", "hiss"], duration_s=30.0, events=(2, 4), max_polyphony=9, same_class_gap_s=0
    )
    scenes = [mixer.events(index) for index in range(300)]
    assert {len(events) for events in scenes} == {2, 3, 4}
    labels = [event.label for events in scenes for event in events]
    assert labels.count("hum") / len(labels) == pytest.approx(0.5, abs=0.07)
    # Half of the events are cut from long sounds, log-uniformly; 0.8 and 0.1 s are whole sounds.
    lengths = np.array([event.duration for events in scenes for event in events])
    assert lengths.min() == pytest.approx(0.1, abs=BLOCK)
    assert lengths.max() <= 5.0
    drawn = np.sort(lengths[(np.abs(lengths - 0.8) > 0.02) & (lengths > 0.11)])
    assert drawn[0] >= 0.25 - 2 * BLOCK
    assert np.median(drawn) == pytest.approx(np.sqrt(0.25 * 5.0), rel=0.25)


def test_no_events_is_a_scene_too(bank: Path) -> None:
    scene = make(bank, events=(0, 0)).scene(0)
    assert scene.events == []
    assert 0 < rms(scene.waveform) < 10 ** (-30 / 20) * 1.01


def test_the_level_over_the_background_is_what_was_drawn(bank: Path) -> None:
    mixer = make(bank, snr_db=(-5.0, 30.0), events=(2, 4))
    drawn = []
    for index in range(30):
        stems = mixer.stems(index)
        assert -45.01 <= 20 * np.log10(rms(stems.background)) <= -29.99
        for sound in stems.sounds:
            around = stems.background[sound.start : sound.start + len(sound.samples)]
            measured = 20 * np.log10(rms(sound.samples) / rms(around))
            assert measured == pytest.approx(sound.snr_db, abs=1e-3)
            drawn.append(measured)
    assert -5.0 <= min(drawn) < 0.0
    assert 25.0 < max(drawn) <= 30.0


def test_a_scene_is_the_sum_of_its_stems_and_never_too_loud(bank: Path) -> None:
    mixer = make(bank, noise_db=(-30.0, -12.0), events=(2, 5))
    scaled = 0
    for index in range(20):
        stems, scene = mixer.stems(index), mixer.scene(index)
        total = stems.background.astype(np.float64)
        for sound in stems.sounds:
            total[sound.start : sound.start + len(sound.samples)] += sound.samples
            assert sound.event.onset == sound.start / RATE
            assert sound.event.duration == pytest.approx(len(sound.samples) / RATE)
        factor = min(1.0, 0.999 / np.abs(total).max())
        scaled += factor < 1
        np.testing.assert_allclose(scene.waveform, total * factor, atol=1e-6)
        assert [sound.event for sound in stems.sounds] == scene.events
    assert 0 < scaled < 20


# Onset and offset


def test_onset_and_offset_hug_what_is_heard(bank: Path) -> None:
    mixer = make(bank, noise_db=(-90, -90), snr_db=(60, 60), events=(1, 1), event_duration_s=(0.3, 3.0))
    for index in range(40):
        scene = mixer.scene(index)
        (event,) = scene.events
        loud = np.flatnonzero(np.abs(scene.waveform) > np.abs(scene.waveform).max() * 0.02) / RATE
        assert event.onset == pytest.approx(loud[0], abs=2 * BLOCK)
        assert event.offset == pytest.approx(loud[-1], abs=2 * BLOCK)


def test_silence_around_a_sound_is_not_part_of_it(tmp_path: Path, bank: Path) -> None:
    (tmp_path / "hum").mkdir()
    (tmp_path / "hum" / "a.wav").write_bytes((bank / "hum" / "padded.wav").read_bytes())
    mixer = make(tmp_path, event_duration_s=(2.0, 3.0), events=(1, 1))
    assert [mixer.events(i)[0].duration for i in range(5)] == [pytest.approx(0.8, abs=BLOCK)] * 5
    (sound,) = mixer.stems(0).sounds
    original = hum(0.8, 300)  # whole: neither cut nor faded
    gain = np.abs(sound.samples).max() / 0.5
    np.testing.assert_allclose(sound.samples[: len(original)], original * gain, atol=gain * 1e-4)


def test_labelled_times_bound_a_sound(tmp_path: Path) -> None:
    (tmp_path / "audio").mkdir()
    soundfile.write(tmp_path / "audio" / "a.wav", np.concatenate([hiss(1.0), hum(1.0), hiss(1.0)]), RATE)
    (tmp_path / "bank.tsv").write_text("filename\tonset\toffset\tevent_label\na.wav\t1.000\t2.000\thum\n")
    (sound,) = make(tmp_path / "bank.tsv", events=(1, 1), event_duration_s=(3.0, 3.0)).stems(0).sounds
    assert sound.event.duration == pytest.approx(1.0, abs=BLOCK)
    spectrum = np.abs(np.fft.rfft(sound.samples))
    assert np.argmax(spectrum) == 200
    assert (spectrum[180:221] ** 2).sum() / (spectrum**2).sum() > 0.99  # a sine: no hiss


def test_cuts_are_faded(tmp_path: Path) -> None:
    (tmp_path / "hum").mkdir()
    soundfile.write(tmp_path / "hum" / "a.wav", hum(8.0, 1000), RATE)
    options = {"events": (1, 1), "event_duration_s": (1.0, 1.0)}
    for fade_s, quietest in ((0.05, 0.02), (0.0, 0.9)):
        mixer = make(tmp_path, fade_s=fade_s, **options)
        for index in range(5):
            (sound,) = mixer.stems(index).sounds
            edge = round(0.004 * RATE)
            peak = np.abs(sound.samples).max()
            for end in (sound.samples[:edge], sound.samples[::-1][:edge]):
                if fade_s:
                    assert np.abs(end).max() < quietest * peak
                else:
                    assert np.abs(end).max() > quietest * peak


def test_a_cut_does_not_begin_in_a_pause(bank: Path) -> None:
    mixer = make(bank, classes=["pulses"], events=(1, 1), event_duration_s=(0.8, 2.0), fade_s=0.0)
    for index in range(40):
        (sound,) = mixer.stems(index).sounds
        blocks = np.square(sound.samples[: len(sound.samples) // 40 * 40]).reshape(-1, 40).mean(axis=1)
        assert blocks[0] > blocks.max() * 1e-4
        assert blocks[-1] > blocks.max() * 1e-4
        assert 0.5 - 2 * BLOCK <= sound.event.duration <= 2.0


# Templates

HEAD = "filename\tonset\toffset\tevent_label\n"


def test_scenes_follow_the_templates(bank: Path, tmp_path: Path) -> None:
    table = tmp_path / "timing.tsv"
    table.write_text(
        HEAD + "b.wav\t0.500\t1.500\thum\nb.wav\t0.750\t1.000\thiss\nb.wav\t5.500\t6.500\thum\n"
        "a.wav\t\t\t\nc.wav\t2.000\t6.000\thiss\n"
    )
    mixer = make(bank, timing=table, max_polyphony=1, classes=["hum", "hiss"], duration_s=6.5)
    assert mixer.events(0) == mixer.events(3) == []
    for index in (1, 4, 7, 10, 13):
        first, second, third = mixer.events(index)
        assert [e.label for e in (first, second, third)] == ["hum", "hiss", "hum"]
        assert [e.onset for e in (first, second, third)] == [0.5, 0.75, 5.5]
        for event, length, whole in ((first, 1.0, 0.8), (second, 0.25, 0.1), (third, 1.0, 0.8)):
            # Cut to the template from a long sound, or a short sound whole.
            assert min(abs(event.duration - length), abs(event.duration - whole)) < 2 * BLOCK
    assert {round(e.duration, 1) for index in range(2, 60, 3) for e in mixer.events(index)} == {0.1, 4.0}


def test_a_random_window_of_a_long_template(bank: Path, tmp_path: Path) -> None:
    table = tmp_path / "timing.tsv"
    rows = "".join(f"a.wav\t{second:.3f}\t{second + 0.5:.3f}\thum\n" for second in range(0, 60, 2))
    table.write_text(HEAD + rows)
    mixer = make(bank, timing=table, duration_s=5.0, classes=["hum"])
    phases = set()
    for index in range(30):
        events = mixer.events(index)
        assert 2 <= len(events) <= 3
        gaps = np.diff([e.onset for e in events if e.onset > 0])
        assert gaps == pytest.approx(np.full(len(gaps), 2.0), abs=2 / RATE)
        phases.add(round(events[-1].onset % 2, 1))
    assert len(phases) > 10


def test_labels_of_a_template_must_be_in_the_bank(bank: Path, tmp_path: Path) -> None:
    (tmp_path / "timing.tsv").write_text(HEAD + "a.wav\t0.0\t1.0\tkeys\n")
    with pytest.raises(InputError, match=r"timing\.tsv: no sounds for 'keys'; .* hiss, hum, pulses"):
        make(bank, timing=tmp_path / "timing.tsv")


# Backgrounds


def test_backgrounds_are_mixed_at_their_level(bank: Path, tmp_path: Path) -> None:
    recorded = hiss(20.0, seed=5)
    soundfile.write(tmp_path / "a.wav", recorded, RATE)
    mixer = make(bank, backgrounds=[tmp_path], noise_db=(-25.0, -20.0))
    starts = set()
    for index in range(4):
        background = mixer.stems(index).background
        assert -25.01 <= 20 * np.log10(rms(background)) <= -19.99
        correlation = np.correlate(recorded, background[:2000], "valid")
        start = int(np.argmax(correlation))
        expected = recorded[start : start + len(background)]
        np.testing.assert_allclose(background * (rms(expected) / rms(background)), expected, atol=1e-4)
        starts.add(start)
    assert len(starts) == 4


def test_digital_silence_may_be_a_background(bank: Path, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", silence(10.0), RATE)
    soundfile.write(tmp_path / "b.wav", np.concatenate([hiss(5.0), silence(5.0)]), RATE)
    mixer = make(bank, backgrounds=[tmp_path])
    for index in range(20):
        scene = mixer.scene(index)
        assert np.isfinite(scene.waveform).all()
        for event in scene.events:
            part = scene.waveform[round(event.onset * RATE) : round(event.offset * RATE)]
            assert rms(part) > 0  # over silence as well: an event is what can be heard


def test_random_noise_takes_all_colours(bank: Path) -> None:
    mixer = make(bank, noise="random", events=(0, 0))
    tilt = []
    for index in range(30):
        power = np.abs(np.fft.rfft(mixer.scene(index).waveform)) ** 2
        octaves = power[600:1200].mean() / power[9600:19_200].mean()  # 100-200 Hz against 1600-3200 Hz
        tilt.append(round(np.log2(octaves) / 4))
    assert set(tilt) == {0, 1, 2}


# Input


def test_a_silent_sound_is_left_out_with_a_warning(tmp_path: Path) -> None:
    (tmp_path / "hum").mkdir()
    soundfile.write(tmp_path / "hum" / "nothing.wav", silence(1.0), RATE)
    with pytest.warns(UserWarning, match=r"nothing\.wav: silent, left out"):
        scene = make(tmp_path).scene(0)
    assert scene.events == []


def test_split_and_classes_choose_the_sounds(tmp_path: Path) -> None:
    for name in "ab":
        soundfile.write(tmp_path / f"{name}.wav", hiss(1.0), RATE)
    table = tmp_path / "bank.tsv"
    table.write_text(
        "filename\tonset\toffset\tevent_label\tsplit\na.wav\t0.0\t0.5\tone\ttrain\n"
        "a.wav\t0.5\t1.0\ttwo\ttrain\nb.wav\t0.0\t1.0\tthree\tval\n"
    )
    assert make(table).labels == ["one", "three", "two"]
    assert make(table, split="train").labels == ["one", "two"]
    assert make(table, split="train", classes=["two"]).labels == ["two"]
    with pytest.raises(InputError, match=r"no class 'three'; there are one, two"):
        make(table, split="train", classes=["two", "three"])
    with pytest.raises(InputError, match="test"):
        make(table, split="test")


def test_what_cannot_be_mixed_is_named(bank: Path, tmp_path: Path) -> None:
    table = tmp_path / "bank.tsv"
    table.write_text(HEAD + "".join(f"{n}.wav\t0.0\t1.0\thum\n" for n in "abc"))
    soundfile.write(tmp_path / "b.wav", hum(1.0), RATE)
    with pytest.raises(InputError, match=r"bank\.tsv: 2 of 3 files are not in .*; the first is a\.wav"):
        make(table)
    with pytest.raises(InputError, match="no such folder of foreground audio"):
        make(table, foreground_audio=tmp_path / "absent")
    with pytest.raises(InputError, match=r"absent\.tsv"):
        make(tmp_path / "absent.tsv")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="empty: no sounds"):
        make(tmp_path / "empty")
    with pytest.raises(InputError, match=r"b\.wav: lies in no class folder"):
        make(tmp_path)
    with pytest.raises(InputError, match=r"shortest event, 7 s, does not fit into duration_s, 6 s"):
        make(bank, event_duration_s=(7.0, 8.0))
    (tmp_path / "set" / "audio").mkdir(parents=True)
    (tmp_path / "set" / "active.tsv").touch()
    soundfile.write(tmp_path / "set" / "audio" / "b.wav", hum(1.0), RATE)
    with pytest.raises(InputError, match=r"give its table instead: .*active\.tsv"):
        make(tmp_path / "set")


def test_a_sound_that_cannot_be_decoded_is_named(tmp_path: Path) -> None:
    (tmp_path / "hum").mkdir()
    (tmp_path / "hum" / "bad.wav").write_text("not audio")
    with pytest.raises(InputError, match=r"bad\.wav: not audio"):
        make(tmp_path).scene(0)


@pytest.mark.data
def test_real_banks_are_mixed() -> None:
    data = os.environ.get("SEDT_DATA")
    if not data:
        pytest.skip("SEDT_DATA names no folder of real audio")
    urban = ScenesConfig(
        foreground=Path(data, "urbansound8k", "active.tsv"),
        backgrounds=[Path(data, "ambience", "audio")],
        split="train",
        events=(1, 5),
    )
    mixer = SceneMixer(urban, 16_000)
    assert len(mixer.labels) == 10
    scenes = [mixer.scene(index) for index in range(30)]
    assert sum(len(scene.events) for scene in scenes) > 60
    assert all(np.isfinite(scene.waveform).all() and np.abs(scene.waveform).max() < 1 for scene in scenes)
    lengths = [event.duration for scene in scenes for event in scene.events]
    assert 0.5 < np.median(lengths) < 2.0
    assert max(lengths) <= 4.01


def test_the_official_layout_of_urbansound8k(tmp_path: Path) -> None:
    rows = ["slice_file_name,fsID,start,end,salience,fold,classID,class"]
    for fold, salience, label in ((1, 1, "siren"), (2, 1, "drill"), (2, 2, "rain")):
        name = f"{fold}-{salience}.wav"
        (tmp_path / "audio" / f"fold{fold}").mkdir(parents=True, exist_ok=True)
        soundfile.write(tmp_path / "audio" / f"fold{fold}" / name, hum(2.0), RATE)
        rows.append(f"{name},1,0,2,{salience},{fold},0,{label}")
    (tmp_path / "metadata").mkdir()
    table = tmp_path / "metadata" / "UrbanSound8K.csv"
    table.write_text("\n".join(rows) + "\n")
    assert make(table).labels == ["drill", "siren"]
    mixer = make(table, folds=[2])
    assert mixer.labels == ["drill"]
    assert mixer.files() == {tmp_path / "audio" / "fold2" / "2-1.wav"}
    assert {event.label for event in mixer.scene(0).events} == {"drill"}
    with pytest.raises(InputError, match="`folds` choose among its rows"):
        make(table, split="train")
    with pytest.raises(InputError, match=r"`folds` are those of UrbanSound8K\.csv"):
        make(tmp_path / "audio", folds=[1])
    (tmp_path / "audio" / "fold1" / "1-1.wav").unlink()
    with pytest.raises(InputError, match=r"1 of 2 files are not in .*audio; the first is fold1/1-1\.wav"):
        make(table)
