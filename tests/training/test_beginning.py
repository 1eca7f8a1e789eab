"""What is wrong and can be known before training is said before it, in a line, and leaves no run behind."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import write_recipe

from sedt.audio import write_audio
from sedt.batch import ClipRequest, Supervision
from sedt.config import MachineConfig
from sedt.data.clips import ClipShape, TrainingClips
from sedt.data.recordings import Files, Known
from sedt.data.sampler import GroupBatchSampler
from sedt.errors import InputError
from sedt.losses.matching import hungarian
from sedt.recipe import load_recipe
from sedt.training.loaders import told_by_workers, training_loader
from sedt.training.run import train

SHORT = ["tag_backbone.epochs=1", "finetune.epochs=1", "finetune.validate_every=1"]

SCENES = '{scenes={foreground="sounds", num_scenes=4, duration_s=2.0, seed=5}}'


@pytest.fixture
def recipe_file(tmp_path: Path) -> Path:
    return write_recipe(tmp_path)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            ['stages=["tag_backbone", "finetune", "tune"]', "data.validation=[]"],
            r"tune: .* no validation clips",
        ),
        (
            ["pretrain.patches.number=3", 'stages=["tag_backbone", "pretrain", "finetune"]'],
            r"pretrain: .* no clips without labels",
        ),
        (
            ['model.backbone="convnext_atto"', "model.time_stride=2"],
            r"backbone convnext_atto: model\.time_stride 2: not for this network",
        ),
        (['finetune.pretrained="nowhere.safetensors"', 'stages=["finetune"]'], r"nowhere\.safetensors"),
        (["features.max_frames=100"], r"features\.max_frames 100: a window of 2 s has 161"),
        (
            ['model.network="crnn"', 'stages=["train_frames"]', "train_frames.backbone_learning_rate=1e-4"],
            r"train_frames\.backbone_learning_rate: these networks have no backbone",
        ),
        (["decoding.threshold={tone=0.3}"], r"decoding\.threshold: no value for class 'chirp'"),
        (["decoding.median_s={tone=0.3, chirp=0.3, hiss=0.3, hum=0.1}"], r"median_s: unknown class 'hum'"),
        (['data.classes=["tone", "hiss"]'], r"data\.strong: scenes: label 'chirp' is not one of the classes"),
        (['data.test=[{labels="nowhere.tsv", audio="sounds"}]'], r"nowhere\.tsv"),
    ],
)
def test_before_the_first_stage(settings: list[str], message: str, recipe_file: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        train(load_recipe(recipe_file, [*SHORT, *settings]), tmp_path / "runs")
    assert not list((tmp_path / "runs").rglob("*"))


def test_the_test_set_may_change_until_it_is_scored(recipe_file: Path, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    folder = train(load_recipe(recipe_file, [*SHORT, "data.test=[]"]), runs)
    assert not (folder / "test.json").exists()
    lines = (folder / "metrics.csv").read_bytes()
    tested = [*SHORT, f"data.test=[{SCENES}]"]
    assert train(load_recipe(recipe_file, tested), runs) == folder
    assert (folder / "metrics.csv").read_bytes() == lines
    scores = json.loads((folder / "test.json").read_text(encoding="utf-8"))
    info = json.loads((folder / "model" / "config.json").read_text(encoding="utf-8"))["info"]
    assert info["scores"]["test"]["psds1"] == scores["psds1"]
    with pytest.raises(InputError, match=r"other settings \(`data\.test"):
        train(load_recipe(recipe_file, [*SHORT, "data.test=[]"]), runs)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_file_that_cannot_be_read_is_told_in_a_line(workers: int, tmp_path: Path) -> None:
    good, bad = tmp_path / "a.wav", tmp_path / "b.wav"
    write_audio(good, np.zeros(8000, dtype=np.float32), 8000)
    bad.write_text("no audio", encoding="utf-8")
    known = Known(Supervision.STRONG)
    files = Files(["a.wav", "b.wav"], [good, bad], [1.0, 1.0], [known, known])
    clips = TrainingClips([[files]], ClipShape(["tone"], 8000, 1.0), seed=0)
    loader = training_loader(clips, GroupBatchSampler([2], [2], 0), MachineConfig(workers=workers))
    with pytest.raises(InputError) as caught, told_by_workers():
        list(loader)
    with pytest.raises(InputError) as told:
        clips[ClipRequest(0, 1, 0)]
    assert str(caught.value) == str(told.value)
    assert "b.wav" in str(told.value)


@pytest.mark.parametrize("stage", ["tag_backbone", "finetune"])
def test_a_run_that_diverges_ends_in_a_line(stage: str, recipe_file: Path, tmp_path: Path) -> None:
    settings = [*SHORT, f"{stage}.learning_rate=1e30", f"{stage}.gradient_norm=none", f"{stage}.epochs=3"]
    with pytest.raises(InputError, match="training has diverged"):
        train(load_recipe(recipe_file, settings), tmp_path / "runs")
    assert not (tmp_path / "runs" / "tiny" / stage / "result.json").exists()


def test_costs_that_are_not_finite_are_told() -> None:
    with pytest.raises(InputError, match="training has diverged"):
        hungarian(torch.tensor([[0.0, torch.nan]]))
