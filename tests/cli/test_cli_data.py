"""`sedt data check` on made data with every kind of problem."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result
from typer.testing import CliRunner

from sedt.audio import write_audio
from sedt.batch import ClipRequest
from sedt.cli.main import app
from sedt.recipe import load_recipe
from sedt.training.datasets import load_datasets

RATE = 8000
RECIPE = """
[features]
sample_rate = 8000
[model]
window_s = 2.0
[finetune]
strong_per_batch = 2
weak_per_batch = 1
[data]
classes = ["bell", "dog"]
[[data.strong]]
labels = "strong.tsv"
audio = "audio"
[[data.weak]]
labels = "weak.tsv"
audio = "audio"
[[data.validation]]
labels = "validation.tsv"
audio = "audio"
"""


def check(folder: Path, *more: str) -> Result:
    return CliRunner().invoke(app, ["data", "check", str(folder / "recipe.toml"), *more])


def findings(folder: Path, *more: str) -> dict[str, Any]:
    check(folder, "--json", str(folder / "found.json"), *more)
    found: dict[str, Any] = json.loads((folder / "found.json").read_text(encoding="utf-8"))
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Sound data; each test spoils some of it."""
    for number, name in enumerate(("a.wav", "b.wav", "c.wav", "w.wav", "v.wav")):
        noise = np.random.default_rng(number).standard_normal(5 * RATE).astype(np.float32) * 0.1
        write_audio(tmp_path / "audio" / name, noise, RATE)
    head = "filename\tonset\toffset\tevent_label\n"
    (tmp_path / "strong.tsv").write_text(
        head + "a.wav\t0.5\t1.0\tbell\na.wav\t2\t3\tdog\nb.wav\t0\t1\tdog\nc.wav\t\t\t\n"
    )
    (tmp_path / "weak.tsv").write_text("filename\tevent_labels\nw.wav\tbell,dog\n")
    (tmp_path / "validation.tsv").write_text(head + "v.wav\t0.5\t1.0\tbell\n")
    (tmp_path / "recipe.toml").write_text(RECIPE)
    return tmp_path


def test_all_well(folder: Path) -> None:
    result = check(folder)
    assert result.exit_code == 0, result.output
    assert "3 of 3 files can be used" in result.output
    # Recordings of 5 s are three windows of 2 s each.
    beyond = "recordings longer than the window: 1, what their tags name may not sound in a clip of them"
    weak = f"3 weak clips (0.00 h; {beyond})"
    assert (
        f"finetune: 9 strong clips (0.00 h), 2 in a batch, and {weak}, 1 in a batch; "
        "5 steps an epoch, 300 epochs" in result.output
    )
    assert f"tag_backbone: {weak}, 128 in a batch; 1 steps an epoch" in result.output
    more = check(folder, "--set", "finetune.accumulate=2", "--set", "finetune.weak_per_batch=0")
    assert f"none of {weak} (finetune.weak_per_batch = 0); 3 steps an epoch" in more.output
    found = findings(folder)
    assert found["sources"][0]["events_per_class"] == {"bell": 1, "dog": 2}
    assert found["sources"][0]["clips_per_class"] == {"bell": 1, "dog": 2}
    assert found["sources"][0]["event_length_s"]["median"] == 1.0
    assert found["sources"][1]["clips_per_class"] == {"bell": 1, "dog": 1}
    assert (found["same"], found["unknown_labels"], found["faults"]) == ([], {}, [])


def test_clips_without_labels(folder: Path) -> None:
    pretrain = [
        "--set",
        "data.unlabelled=[{audio='audio', exclude=['v.wav']}]",
        "--set",
        "pretrain.batch_size=2",
    ]
    stages = 'stages=["tag_backbone", "pretrain", "finetune"]'
    result = check(folder, *pretrain, "--set", stages)
    assert result.exit_code == 0, result.output
    # Four files of 5 s are three windows of 2 s each.
    assert "pretrain: 12 unlabelled clips (0.01 h), about 5% held out, 2 in a batch; " in result.output
    assert "6 steps an epoch, 160 epochs" in result.output
    few = check(folder, *pretrain, "--set", stages, "--set", "pretrain.clips_per_epoch=5")
    assert "3 steps an epoch, 160" in few.output
    untagged = check(
        folder, *pretrain, "--set", 'stages=["pretrain"]', "--set", "model.backbone_start=random"
    )
    assert untagged.exit_code == 2
    assert "the backbone has learned nothing" in untagged.output
    none = check(folder, "--set", stages, "--set", "model.backbone_start=imagenet")
    assert none.exit_code == 2
    assert "CANNOT BE USED: pretrain: the recipe has no clips without labels" in none.output


def test_pretraining_alone_needs_no_labels(folder: Path) -> None:
    more = ["data.strong=[]", "data.weak=[]", "data.validation=[]", "data.unlabelled=[{audio='audio'}]"]
    more += ['stages=["pretrain"]', "model.backbone_start=imagenet"]
    result = check(folder, *(word for setting in more for word in ("--set", setting)))
    assert result.exit_code == 0, result.output


def test_a_file_to_leave_out_must_be_there(folder: Path) -> None:
    result = check(folder, "--set", "data.strong.0.exclude=['z.wav']")
    assert result.exit_code == 2
    assert "exclude: 'z.wav' is none of the 3 files" in result.output
    left = check(folder, "--set", "data.strong.0.exclude=['a.wav', 'b.wav', 'c.wav']")
    assert "exclude: none of 3 files is left" in left.output


def test_missing_and_unreadable_files(folder: Path) -> None:
    (folder / "audio" / "a.wav").unlink()
    (folder / "audio" / "b.wav").write_bytes(b"RIFF, but no more")
    result = check(folder)
    assert result.exit_code == 1
    [strong, *_] = findings(folder)["sources"]
    assert strong["missing"] == ["a.wav"]
    assert list(strong["unreadable"]) == ["b.wav"]
    assert (strong["usable"], strong["named"]) == (1, 3)
    assert "missing: 1\n    a.wav" in result.output


def test_a_file_that_breaks_off_is_found_by_decoding(folder: Path) -> None:
    flac = folder / "audio" / "a.flac"
    noise = np.random.default_rng(9).standard_normal(20 * RATE).astype(np.float32) * 0.1
    write_audio(flac, noise, RATE)
    content = flac.read_bytes()
    flac.write_bytes(content[: len(content) // 2])
    (folder / "audio" / "a.wav").unlink()  # the table says a.wav; another ending serves as well
    assert check(folder).exit_code == 0
    assert check(folder, "--decode").exit_code == 1
    assert list(findings(folder, "--decode")["sources"][0]["unreadable"]) == ["a.wav"]


def test_the_same_bytes_in_training_and_validation_are_a_leak(folder: Path) -> None:
    shutil.copy(folder / "audio" / "b.wav", folder / "audio" / "v.wav")
    shutil.copy(folder / "audio" / "c.wav", folder / "audio" / "w.wav")
    result = check(folder)
    assert result.exit_code == 1
    assert "SERVES TWO PURPOSES, same bytes: 1\n    strong: b.wav = validation: v.wav" in result.output
    assert findings(folder)["same"] == [
        {"files": ["strong: b.wav", "validation: v.wav"], "leaks": True},
        {"files": ["strong: c.wav", "weak: w.wav"], "leaks": False},
    ]


def test_pretraining_may_hear_validation_but_not_test(folder: Path) -> None:
    """Validation chooses by labels, which pre-training is not told."""
    stages = ["--set", 'stages=["tag_backbone", "pretrain", "finetune"]']
    hears_all = [*stages, "--set", "data.unlabelled=[{audio='audio'}]"]
    assert check(folder, *hears_all).exit_code == 0
    shutil.copy(folder / "validation.tsv", folder / "test.tsv")
    named = "data.test=[{labels='test.tsv', audio='audio'}]"
    tested = check(folder, *hears_all, "--set", "data.validation=[]", "--set", named)
    assert tested.exit_code == 1
    assert "unlabelled: v.wav = test: v.wav" in tested.output


def test_what_was_mended_is_counted(folder: Path) -> None:
    rows = ["a.wav\t0\t1\tbell"] * 3 + ["a.wav\t0.5\t2\tbell", "b.wav\t4\t9\tdog"]
    (folder / "strong.tsv").write_text(
        "\ufefffilename\tonset\toffset\tevent_label\r\n" + "\r\n".join(rows) + "\r\n", encoding="utf-8"
    )
    (folder / "weak.tsv").write_text("filename\tevent_labels\nw.wav\tbell,dog,bell\n")
    strong, weak, _ = findings(folder)["sources"]
    assert strong["mended"] == {
        "repeated rows dropped": 2,
        "events that end after their clip (cut in training)": 1,
        "events over another one of their class (joined in training)": 1,
    }
    assert weak["mended"] == {"repeated tags dropped": 1}
    assert check(folder).exit_code == 0
    assert "mended: 2 repeated rows dropped" in check(folder).output


def test_labels_that_are_no_class(folder: Path) -> None:
    (folder / "weak.tsv").write_text("filename\tevent_labels\nw.wav\tbell,cat\n")
    result = check(folder)
    assert result.exit_code == 2
    assert "CANNOT BE USED: data.weak: labels that are no class: cat" in result.output
    assert findings(folder)["unknown_labels"] == {"weak": {"cat": 1}}


def test_recipes_that_cannot_be_used(folder: Path) -> None:
    for name in ("a", "b", "c"):
        (folder / "audio" / f"{name}.wav").unlink()
    result = check(folder)
    assert result.exit_code == 2
    assert "strong.tsv: none of its 3 files can be used" in result.output


def test_one_broken_source_hides_no_other(folder: Path) -> None:
    (folder / "strong.tsv").write_text("filename\tonset\toffset\tevent_label\na.wav\t-1\t2\tbell\n")
    (folder / "audio" / "v.wav").unlink()
    result = check(folder, "--set", 'data.weak.0.audio="nowhere"', "--json", str(folder / "found.json"))
    assert result.exit_code == 2
    assert f"CANNOT BE USED: data.strong: {folder / 'strong.tsv'}:2: onset is -1.0" in result.output
    assert f"CANNOT BE USED: data.weak: {folder / 'nowhere'}: no such audio folder" in result.output
    found = json.loads((folder / "found.json").read_text(encoding="utf-8"))
    assert [source["missing"] for source in found["sources"]] == [[], [], ["v.wav"]]
    assert len(found["faults"]) == 3
    assert found["faults"][2].endswith("validation.tsv: none of its 1 files can be used")


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        (["data.weak=[]"], "tag_backbone.use = ['weak']: the recipe has no such clips"),
        (["data.strong=[]"], "finetune: the recipe has no clips with events (data.strong)"),
        (
            ['stages=["finetune", "tune"]', "data.validation=[]"],
            "tune: the recipe has no validation clips (data.validation)",
        ),
        (["data.strong=[]", "data.weak=[]"], "there are no training clips (data.strong, data.weak)"),
    ],
)
def test_stages_without_their_clips(folder: Path, settings: list[str], fault: str) -> None:
    result = check(folder, *[word for setting in settings for word in ("--set", setting)])
    assert result.exit_code == 2
    assert f"CANNOT BE USED: {fault}" in result.output


def test_a_table_of_durations_that_is_wrong(folder: Path) -> None:
    """Files are opened whatever the table says: training would stumble over them later."""
    (folder / "durations.tsv").write_text("filename\tduration\na.wav\t5.0\nb.wav\t9\nc.wav\t5.04\n")
    (folder / "audio" / "a.wav").write_bytes(b"")
    result = check(folder, "--set", "data.strong.0.durations=durations.tsv")
    assert result.exit_code == 1
    assert "the table of durations is wrong: 1\n    b.wav: 5.000 s, not 9.000 s" in result.output
    assert "a.wav: an empty file (0 bytes)" in result.output


def test_a_recording_shorter_than_its_table_says_trains_all_the_same(folder: Path) -> None:
    """Clips from behind its end are empty, and nothing sounds in them."""
    (folder / "durations.tsv").write_text("filename\tduration\na.wav\t60\nb.wav\t5\nc.wav\t5\n")
    recipe = load_recipe(folder / "recipe.toml", ["data.strong.0.durations=durations.tsv"])
    datasets = load_datasets(recipe)
    clips = datasets.training(datasets.strong, datasets.weak)
    cut = [clips[ClipRequest(0, index, 0)] for index in range(30)]
    behind = [clip for clip in cut if clip.num_samples == 0]
    assert len(behind) > 10
    for clip in behind:
        assert not clip.waveform.any()
        assert not len(clip.targets.labels)


def test_names_that_are_no_text(folder: Path) -> None:
    (folder / "more").mkdir()
    write_audio(folder / "more" / "tea.wav", np.ones(RATE, np.float32), RATE)
    (folder / "more" / os.fsdecode(b"caf\xe9.wav")).write_bytes((folder / "audio" / "a.wav").read_bytes())
    result = check(
        folder, "--set", 'data.unlabelled=[{audio = "more"}]', "--json", str(folder / "found.json")
    )
    assert result.exit_code == 1
    assert "caf\\udce9.wav" in result.output
    found = json.loads((folder / "found.json").read_text(encoding="utf-8"))
    assert list(found["sources"][2]["unreadable"]) == ["caf\udce9.wav"]


def test_what_goes_through_a_pipe_is_whole(folder: Path) -> None:
    label = "the_sound_of_a_very_long_label_" * 3
    (folder / "weak.tsv").write_text(f"filename\tevent_labels\nw.wav\tbell,{label}\n")
    said = subprocess.run(
        [sys.executable, "-c", "from sedt.cli.main import run; run()", "data", "check", "recipe.toml"],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
    )
    assert said.returncode == 2
    assert said.stderr == ""
    assert f"{label} - NO CLASS" in said.stdout


def test_a_source_twice_in_one_part(folder: Path) -> None:
    twice = '[{labels = "strong.tsv", audio = "audio"}, {labels = "strong.tsv", audio = "audio"}]'
    found = findings(folder, "--set", f"data.strong={twice}")
    assert [same["files"] for same in found["same"]] == [
        [f"strong: {name}.wav"] * 2 for name in ("a", "b", "c")
    ]


def test_annotations_are_checked_too(folder: Path) -> None:
    (folder / "labels").mkdir()
    (folder / "labels" / "a.txt").write_text("0 2 bell\n1 3 bell\n")
    [source, *_] = findings(folder, "--set", "data.strong.0.labels=labels")["sources"]
    assert source["mended"] == {"overlapping events of one class joined": 1}
    assert source["events_per_class"] == {"bell": 1}


def test_scenes_are_counted_without_mixing_them(folder: Path) -> None:
    for label in ("bell", "dog"):
        write_audio(folder / "sounds" / label / "x.wav", np.ones(RATE, np.float32) * 0.3, RATE)
    (folder / "recipe.toml").write_text(
        'stages = ["finetune"]\n[features]\nsample_rate = 8000\n'
        '[[data.strong]]\n[data.strong.scenes]\nforeground = "sounds"\nnum_scenes = 300\n'
    )
    result = check(folder)
    assert result.exit_code == 0, result.output
    assert "300 of 300 scenes, 0.83 h" in result.output
    [source] = findings(folder)["sources"]
    assert source["scenes_counted"] == 200
    assert sum(source["events_per_class"].values()) > 200


def test_classes_of_scenes_are_those_of_their_sounds(folder: Path) -> None:
    """As in training: which of them the scenes that are counted happen to have does not matter."""
    for label in ("bell", "dog", "owl", "rain"):
        write_audio(folder / "sounds" / label / "x.wav", np.ones(RATE, np.float32) * 0.3, RATE)
    scenes = 'scenes = {foreground = "sounds", num_scenes = 1, events = [1, 1]}'
    (folder / "recipe.toml").write_text(f"[data]\nstrong = [{{{scenes}}}]\nvalidation = [{{{scenes}}}]\n")
    result = check(folder, "--set", 'stages=["finetune"]')
    assert result.exit_code == 1
    assert findings(folder)["classes"] == ["bell", "dog", "owl", "rain"]
    title = "SCENES FOR training and validation ARE MADE OF THE SAME FILES: 4"
    assert f"{title}\n    {folder / 'sounds' / 'bell' / 'x.wav'}" in result.output


@pytest.mark.data
def test_the_label_files_of_dcase2019(data_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "audio").mkdir()
    labels = data_folder / "dcase2019_metadata"
    parts = {"strong": "synthetic", "weak": "weak", "unlabelled": "unlabel_in_domain", "test": "validation"}
    (tmp_path / "recipe.toml").write_text(
        "".join(
            f'[[data.{part}]]\nlabels = "{labels / file}.tsv"\naudio = "audio"\n'
            for part, file in parts.items()
        )
    )
    named = {source["part"]: source["named"] for source in findings(tmp_path)["sources"]}
    assert named == {"strong": 2045, "weak": 1578, "unlabelled": 14412, "test": 1168}
