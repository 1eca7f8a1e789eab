"""Runs of seconds for the report to tell of, of every kind."""

from __future__ import annotations

import shutil
from pathlib import Path

from sedt.recipe import load_recipe
from sedt.training.run import train

RECIPE = """
name = "{name}"
description = "Three sounds <told> & apart."
seed = 1
stages = {stages}

[features]
sample_rate = 8000
fft_samples = 256
frame_samples = 256
hop_samples = 100
num_bands = 32

[model]
network = "{network}"
window_s = 2.0
backbone = "resnet10t"
backbone_start = "random"
map_stage = 2
model_size = 32
num_heads = 2
ffn_size = 32
encoder_layers = 1
decoder_layers = 1
num_queries = 6
dropout = 0.0

[model.frames]
channels = [16, 32]
pools = [[2, 4], [2, 4]]
dropout = 0.0
recurrent_size = 32
recurrent_layers = 1

[decoding]
min_length_s = 0.05
threshold = {threshold}

[tag_backbone]
use = ["strong"]
epochs = 2
batch_size = 8
optimizer = "adamw"
learning_rate = 2e-3

[pretrain]
epochs = 2
batch_size = 4
held_out = 0.2
patches = {{ number = 3, crop_frames = 32 }}

[finetune]
epochs = 3
strong_per_batch = 8
weak_per_batch = 0
learning_rate = 2e-3
backbone_learning_rate = 1e-3
schedule = "cosine"
frozen_stages = 0

[train_frames]
epochs = 3
strong_per_batch = 8
weak_per_batch = 0

[machine]
workers = 0
precision = "float32"
"""

SCENES = """
[[data.{part}]]
[data.{part}.scenes]
foreground = "sounds"
num_scenes = {number}
duration_s = 2.0
events = [1, 2]
event_duration_s = [0.3, 1.0]
seed = {seed}
"""

STAGES = {
    "sedt": ["tag_backbone", "finetune", "tune"],
    "sp_sedt": ["tag_backbone", "pretrain", "finetune"],
    "crnn": ["train_frames", "tune"],
    "pretrain_only": ["tag_backbone", "pretrain"],
}


def make_run(folder: Path, kind: str, parts: tuple[str, ...] = ("validation", "test")) -> Path:
    """A finished run of a kind, under `folder`; its sounds lie in `folder/sounds`."""
    from tiny import write_sounds

    write_sounds(folder / "sounds")
    network = "crnn" if kind == "crnn" else "sedt"
    # A start that hears little; a low threshold leaves something to look at.
    text = RECIPE.format(name=kind.replace("_", "-"), stages=STAGES[kind], network=network, threshold=0.05)
    unlabelled = ("unlabelled",) if "pretrain" in STAGES[kind] else ()
    for seed, part in enumerate(("strong", *unlabelled, *parts)):
        number = 12 if part == "unlabelled" else 8
        text += SCENES.format(part=part, number=number, seed=seed)
    file = folder / f"{kind}.toml"
    file.write_text(text, encoding="utf-8")
    return train(load_recipe(file), folder / "runs")


def copy_of(run: Path, folder: Path) -> Path:
    """A copy to damage."""
    return Path(shutil.copytree(run, folder / run.name))
