"""Recordings -> clips: windows, padding, draws that follow from the request, weak and unlabelled clips."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from sedt.audio import write_audio
from sedt.batch import ClipRequest, Supervision, collate
from sedt.data.clips import ClipShape, TrainingClips, WindowClips, num_crops, num_windows
from sedt.data.sources import chosen, place_of, strong_files, unlabelled_files, weak_files
from sedt.errors import InputError
from sedt.events import Event
from sedt.spans import spans_to_edges

RATE = 1000
SHAPE = ClipShape(["beep", "hum"], RATE, 2.0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A short and a long recording; a sample's value is its time."""
    for name, seconds in (("short.wav", 1.5), ("long.wav", 9.0)):
        ramp = np.arange(round(seconds * RATE), dtype=np.float32) / (10 * RATE)
        write_audio(tmp_path / "audio" / name, ramp, RATE)
    (tmp_path / "strong.tsv").write_text(
        "filename\tonset\toffset\tevent_label\n"
        "short.wav\t0.5\t1.0\tbeep\nlong.wav\t1.0\t1.5\thum\nlong.wav\t6.0\t7.0\tbeep\nmissing.wav\t0\t1\thum\n"
    )
    (tmp_path / "weak.tsv").write_text("filename\tevent_labels\nshort.wav\tbeep,hum\nlong.wav\t\n")
    return tmp_path


def test_missing_files_are_skipped_with_a_count(folder: Path) -> None:
    with pytest.warns(UserWarning, match=r"2 of 3 files are there \(first missing: missing\.wav\)"):
        files = strong_files(folder / "strong.tsv", [folder / "audio"])
    assert [files.name(i) for i in range(len(files))] == ["short.wav", "long.wav"]
    assert files.duration_s(1) == pytest.approx(9.0)
    (folder / "only.tsv").write_text("filename\tonset\toffset\tevent_label\nno.wav\t0\t1\tx\n")
    with pytest.raises(InputError, match="none of its 1 files"):
        strong_files(folder / "only.tsv", [folder / "audio"])
    with pytest.raises(InputError, match="no such audio folder"):
        strong_files(folder / "strong.tsv", [folder / "nowhere"])


@pytest.mark.filterwarnings("ignore:.*files are there")
def test_training_clips(folder: Path) -> None:
    strong = strong_files(folder / "strong.tsv", [folder / "audio"])
    weak = weak_files(folder / "weak.tsv", [folder / "audio"])
    unlabelled = unlabelled_files(None, [folder / "audio"])
    clips = TrainingClips([[strong], [weak], [unlabelled]], SHAPE, seed=3)
    assert clips.group_sizes() == [1 + 5, 6, 6]  # a short one, and five windows' worth of the long one

    short = clips[ClipRequest(0, 0, 0)]
    assert short.num_samples == 1500
    assert not short.waveform[1500:].any()
    torch.testing.assert_close(spans_to_edges(short.targets.spans) * 2, torch.tensor([[0.5, 1.0]]))

    starts = set()
    for epoch in range(20):
        long = clips[ClipRequest(0, 3, epoch)]
        start = float(long.waveform[0]) * 10
        starts.add(round(start, 2))
        for (onset, offset), label in zip(
            (spans_to_edges(long.targets.spans) * 2).tolist(), long.targets.labels.tolist(), strict=True
        ):
            true = (6.0, 7.0) if label == 0 else (1.0, 1.5)
            assert onset == pytest.approx(max(0.0, true[0] - start), abs=2e-3)
            assert offset == pytest.approx(min(2.0, true[1] - start), abs=2e-3)
    assert len(starts) > 10
    assert min(starts) >= 0
    assert max(starts) <= 7.0

    again = TrainingClips([[strong], [weak], [unlabelled]], SHAPE, seed=3)
    assert torch.equal(again[ClipRequest(0, 3, 7)].waveform, clips[ClipRequest(0, 3, 7)].waveform)
    assert not torch.equal(clips[ClipRequest(0, 3, 8)].waveform, clips[ClipRequest(0, 3, 7)].waveform)

    tagged = clips[ClipRequest(1, 0, 0)].targets
    assert tagged.supervision is Supervision.WEAK
    assert tagged.tags.tolist() == [1, 1]
    assert clips[ClipRequest(2, 0, 0)].targets.supervision is Supervision.NONE

    batch = collate([clips[ClipRequest(0, 0, 0)], clips[ClipRequest(1, 1, 0)]])
    assert batch.waveforms.shape == (2, 2000)
    assert batch.num_samples.tolist() == [1500, 2000]


@pytest.mark.filterwarnings("ignore:.*files are there")
def test_windows_cover_every_recording(folder: Path) -> None:
    strong = strong_files(folder / "strong.tsv", [folder / "audio"])
    windows = WindowClips([strong], SHAPE, hop_s=1.0)
    names = [windows[i].name for i in range(len(windows))]
    assert names == ["short.wav"] + ["long.wav"] * 8
    assert [round(float(windows[i].waveform[0]) * 10, 2) for i in range(1, 9)] == [*range(8)]
    assert windows[8].num_samples == 2000


@pytest.mark.parametrize(
    ("duration_s", "count"), [(0.01, 1), (10, 1), (10.01, 2), (15, 2), (15.01, 3), (60, 11)]
)
def test_number_of_windows(duration_s: float, count: int) -> None:
    assert num_windows(duration_s, window_s=10.0, hop_s=5.0) == count


@pytest.mark.parametrize(
    ("duration_s", "count"), [(0.01, 1), (10, 1), (10.9, 1), (11.1, 2), (60, 6), (61.1, 7)]
)
def test_a_small_rest_makes_no_further_crop(duration_s: float, count: int) -> None:
    assert num_crops(duration_s, window_s=10.0) == count


def test_a_strong_table_can_serve_as_weak_labels(folder: Path) -> None:
    with pytest.warns(UserWarning, match="2 of 3"):
        files = weak_files(folder / "strong.tsv", [folder / "audio"])
    assert files.known(1).tags == {"hum", "beep"}
    assert files.known(1).supervision is Supervision.WEAK
    assert not files.known(1).events


def test_parts_share_no_file_and_cover_all() -> None:
    rows = {f"clip{i}.wav": i for i in range(2000)}
    parts = [chosen(rows, part) for part in ((0.0, 0.7), (0.7, 0.9), (0.9, 1.0))]
    assert sum(map(len, parts)) == 2000
    assert set().union(*parts) == set(rows)
    assert [len(part) for part in parts] == pytest.approx([1400, 400, 200], rel=0.15)
    assert chosen(rows, (0.0, 1.0)) == rows
    # The places of these names, once and for all: a change would mix what was held out with the training set.
    assert [round(place_of(name), 6) for name in ("a.wav", "clip/ä.wav")] == [0.735119, 0.404535]
    with pytest.raises(InputError, match="none of 1 files lies in it"):
        chosen({"a.wav": 0}, (0.0, 0.0001))


def test_a_folder_of_annotations_is_a_source_whatever_the_ending_of_the_audio(tmp_path: Path) -> None:
    (tmp_path / "labels").mkdir()
    for name, suffix in (("a", ".flac"), ("b", ".wav")):
        write_audio(tmp_path / "audio" / f"{name}{suffix}", np.zeros(8000, np.float32), 8000)
        (tmp_path / "labels" / f"{name}.txt").write_text("0.2 0.4 beep\n0.3 0.6 beep\n")
    with pytest.warns(UserWarning, match="2 overlapping events of one class joined"):
        files = strong_files(tmp_path / "labels", [tmp_path / "audio"])
    assert [path.name for path in files.paths] == ["a.flac", "b.wav"]
    assert files.known(0).events == [Event(0.2, 0.6, "beep")]
    with pytest.warns(UserWarning, match="joined"):
        assert weak_files(tmp_path / "labels", [tmp_path / "audio"]).known(1).tags == {"beep"}
    with pytest.raises(InputError, match="has no column `split`"):
        strong_files(tmp_path / "labels", [tmp_path / "audio"], split="train")


def test_what_is_mended_is_noted_in_one_line(tmp_path: Path) -> None:
    write_audio(tmp_path / "a.wav", np.zeros(2 * RATE, np.float32), RATE)
    rows = ["0\t1\tx", "0\t1\tx", "0.5\t1.5\tx", "1\t5\ty", "3\t4\ty", "0\t2.001\tz"]
    (tmp_path / "t.tsv").write_text(
        "filename\tonset\toffset\tevent_label\n" + "".join(f"a.wav\t{row}\n" for row in rows)
    )
    with pytest.warns(UserWarning, match="mended") as caught:
        files = strong_files(tmp_path / "t.tsv", [tmp_path])
    assert [str(one.message) for one in caught] == [
        f"{tmp_path / 't.tsv'}: mended: 1 repeated rows dropped, "
        "1 events after the end of their clip (left out in training), "
        "1 events that end after their clip (cut in training), "
        "1 events over another one of their class (joined in training)"
    ]
    assert len(files.known(0).events) == 5  # what scores are counted on stays as it was read
    shape = ClipShape(["x", "y", "z"], RATE, 4.0)
    clip = TrainingClips([[files]], shape, seed=0)[ClipRequest(0, 0, 0)]
    edges = spans_to_edges(clip.targets.spans) * 4.0
    assert clip.targets.labels.tolist() == [0, 2, 1]
    torch.testing.assert_close(edges, torch.tensor([[0, 1.5], [0, 2.0], [1.0, 2.0]]))


def test_clean_labels_are_not_noted(folder: Path, recwarn: pytest.WarningsRecorder) -> None:
    strong_files(folder / "strong.tsv", [folder / "audio"])
    assert not [one for one in recwarn if "mended" in str(one.message)]


@pytest.mark.parametrize("name", [".", "/", "..", "x" * 300, "sub/"])
def test_names_that_can_be_no_file_are_missing_files(tmp_path: Path, name: str) -> None:
    write_audio(tmp_path / "audio" / "a.wav", np.zeros(RATE, np.float32), RATE)
    (tmp_path / "t.tsv").write_text(f"filename\na.wav\n{name}\n")
    with pytest.warns(UserWarning, match="1 of 2 files are there"):
        assert unlabelled_files(tmp_path / "t.tsv", [tmp_path / "audio"]).names == ["a.wav"]


def test_a_zero_byte_is_no_name(tmp_path: Path) -> None:
    (tmp_path / "t.tsv").write_text("filename\na.wav\na\0b\n")
    with pytest.raises(InputError, match=r"t\.tsv:3: not text: holds a zero byte"):
        unlabelled_files(tmp_path / "t.tsv", [tmp_path])


def test_names_that_are_no_text_have_a_place() -> None:
    name = os.fsdecode(b"caf\xe9.wav")
    assert chosen({name: 0}, (0.0, 1.0)) == {name: 0}
    assert 0 <= place_of(name) < 1


def test_labels_that_are_not_there(tmp_path: Path) -> None:
    for read in (strong_files, weak_files, unlabelled_files):
        with pytest.raises(InputError, match=r"nowhere.tsv: cannot be read"):
            read(tmp_path / "nowhere.tsv", [tmp_path])
