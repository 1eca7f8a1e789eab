"""The paper's baselines learn, are tuned, packed and used as SEDT is."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
import torch
from tiny import write_recipe

import sedt
import sedt.build as build
from sedt.batch import Batch
from sedt.data.targets import no_targets
from sedt.errors import InputError
from sedt.package import load_package
from sedt.recipe import load_recipe
from sedt.training.run import train
from sedt.training.train_frames import TrainFramesModule

SETTINGS = [
    'stages=["train_frames", "tune"]',
    "train_frames.strong_per_batch=8",
    "train_frames.weak_per_batch=0",
    'train_frames.schedule="cosine"',
    "model.frames.channels=[16, 32, 64]",
    "model.frames.pools=[[2, 4], [2, 4], [1, 2]]",
    "model.frames.dropout=0.0",
    "model.frames.attention_dropout=0.0",
    "model.frames.attention_size=64",
    "model.frames.attention_ffn_size=128",
    "model.frames.attention_layers=1",
    "model.frames.recurrent_size=32",
    "model.frames.recurrent_layers=1",
]
LEARNED = 0.8
"""Least F1 of what has been learned by heart."""


@pytest.mark.parametrize("network", ["crnn", "conv_transformer"])
def test_eight_clips_are_learned(tmp_path: Path, network: str) -> None:
    recipe = write_recipe(tmp_path)
    settings = [*SETTINGS, f'model.network="{network}"', "train_frames.epochs=150"]
    folder = train(load_recipe(recipe, [*settings, "train_frames.validate_every=50"]), tmp_path / "runs")
    scores = json.loads((folder / "test.json").read_text(encoding="utf-8"))
    assert scores["event_based"]["macro"]["f1"] > LEARNED
    assert scores["tagging_from_tags"]["macro"]["f1"] > LEARNED
    assert scores["event_based"]["macro"]["f1"] >= scores["untuned"]["event_based"]["macro"]["f1"]
    assert scores["psds1"] > 0.5

    detector = sedt.load(folder / "model")
    assert load_package(folder / "model").model_config.network == network
    assert isinstance(detector.package.decoding.median_s, dict)
    events = detector.detect(tmp_path / "sounds" / "tone" / "a.wav")
    assert "tone" in {event.label for event in events}


def test_the_last_epoch_is_validated(tmp_path: Path) -> None:
    """With `validate_every = 3` epochs 2 and 5 are, and the last of seven as well."""
    recipe = write_recipe(tmp_path)
    settings = [*SETTINGS, 'model.network="crnn"', "train_frames.epochs=7", "train_frames.validate_every=3"]
    folder = train(load_recipe(recipe, settings), tmp_path / "runs")
    with (folder / "metrics.csv").open(encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if row["stage"] == "train_frames"]
    assert [row["epoch"] for row in rows if row["event_based"]] == ["2", "5", "6"]


def test_digital_silence_is_scored_as_it_is_detected(tmp_path: Path) -> None:
    """A model that says everything is told to say nothing there, in validation as in the detector."""
    recipe = load_recipe(write_recipe(tmp_path), [*SETTINGS, 'model.network="crnn"'])
    frontend = build.frontend(recipe.features)
    network = build.frame_detector(recipe.features, recipe.model, 3)
    torch.nn.init.constant_(network.class_head.bias, 9.0)
    augmentation = build.augmentation(recipe.train_frames.augmentation, frontend, recipe.model.window_s)
    module = TrainFramesModule(frontend, network, augmentation, recipe.train_frames, 2.0).eval()
    noise = torch.randn(16_000) * 0.1
    targets = [no_targets(3), no_targets(3)]
    waveforms = torch.stack([noise, torch.zeros(16_000)])
    said = module.validation_step(Batch(["a", "b"], waveforms, torch.tensor([16_000] * 2), targets), 0)
    assert said.frames is not None
    assert said.frames[0].min() > 0.5
    assert not said.frames[1].any()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (['stages=["finetune"]'], '`finetune` does not go with model.network = "crnn"'),
        (['model.network="sedt"'], '`train_frames` does not go with model.network = "sedt"'),
        (["data.strong=[]"], "no training data|no clips with events"),
        (["model.frames.pools=[[2, 2]]"], "pools: one for each of 3 channels"),
        (["model.frames.attention_heads=5"], "attention_size 64 must be even and a multiple"),
        (['model.network="rnn"'], "model.network"),
    ],
)
def test_what_cannot_work_is_said(tmp_path: Path, settings: list[str], message: str) -> None:
    recipe = write_recipe(tmp_path)
    with pytest.raises(InputError, match=message):
        train(load_recipe(recipe, [*SETTINGS, 'model.network="crnn"', *settings]), tmp_path / "runs")
