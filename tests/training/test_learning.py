"""Every stage learns: from eight clips, to the end, through the command that users run."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from sedt.audio import write_audio
from sedt.errors import InputError
from sedt.package import load_package
from sedt.recipe import load_recipe
from sedt.training.run import train

RATE = 8000

RECIPE = """
name = "tiny"
seed = 1

[features]
sample_rate = 8000
fft_samples = 256
frame_samples = 256
hop_samples = 100
num_bands = 32

[model]
window_s = 2.0
backbone = "resnet10t"
backbone_start = "random"
map_stage = 3
model_size = 64
num_heads = 4
ffn_size = 128
encoder_layers = 1
decoder_layers = 2
num_queries = 6
dropout = 0.0

[loss]
tag_weight = 1.0

[decoding]
min_length_s = 0.05

[tag_backbone]
use = ["strong"]
epochs = 8
batch_size = 8
optimizer = "adamw"
learning_rate = 2e-3
schedule = "constant"

[finetune]
epochs = 150
strong_per_batch = 8
weak_per_batch = 0
learning_rate = 1e-3
schedule = "cosine"
gradient_norm = 1.0
frozen_stages = 0
validate_every = 10

[machine]
workers = 0
precision = "float32"
{sets}
"""

SCENES = """
[[data.{name}]]
[data.{name}.scenes]
foreground = "sounds"
num_scenes = 8
duration_s = 2.0
events = [1, 2]
event_duration_s = [0.3, 1.0]
snr_db = [20.0, 30.0]
seed = 4
"""


def write_sounds(folder: Path) -> None:
    """Three classes that differ in pitch and texture, a second each."""
    time = np.arange(RATE) / RATE
    noise = np.random.default_rng(0).standard_normal(RATE)
    sounds = {
        "tone": np.sin(2 * np.pi * 600 * time),
        "chirp": np.sin(2 * np.pi * (1200 + 900 * time) * time),
        "hiss": noise * 0.3,
    }
    for label, samples in sounds.items():
        write_audio(folder / label / "a.wav", (samples * 0.5).astype(np.float32), RATE)


@pytest.fixture()
def recipe_file(tmp_path: Path) -> Path:
    write_sounds(tmp_path / "sounds")
    file = tmp_path / "tiny.toml"
    # Validation and test are the eight training scenes: this is about learning, not about generalising.
    sets = "".join(SCENES.format(name=name) for name in ("strong", "validation", "test"))
    file.write_text(RECIPE.replace("{sets}", sets), encoding="utf-8")
    return file


def test_eight_clips_are_learned_to_the_end(recipe_file: Path, tmp_path: Path) -> None:
    folder = train(load_recipe(recipe_file), tmp_path / "runs")
    scores = json.loads((folder / "test.json").read_text(encoding="utf-8"))
    assert scores["event_based"]["macro"]["f1"] == pytest.approx(1.0)
    assert scores["tagging"]["macro"]["f1"] == pytest.approx(1.0)

    rows = list(csv.DictReader((folder / "metrics.csv").open(encoding="utf-8")))
    assert [r["stage"] for r in rows] == ["tag_backbone"] * 8 + ["finetune"] * 150
    assert [int(r["epoch"]) for r in rows] == [*range(8), *range(150)]
    assert float(rows[-1]["loss"]) < float(rows[8]["loss"]) / 10

    package = load_package(folder / "model")
    assert package.classes == ["chirp", "hiss", "tone"]
    assert package.info["scores"]["test"]["event_based"] == pytest.approx(1.0)

    before = (folder / "metrics.csv").read_bytes()
    assert train(load_recipe(recipe_file), tmp_path / "runs") == folder  # every stage is there: skipped
    assert (folder / "metrics.csv").read_bytes() == before

    with pytest.raises(InputError, match=r"other settings \(`seed`: 1, now 2\)"):
        train(load_recipe(recipe_file, ["seed=2"]), tmp_path / "runs")


def test_same_seed_same_weights(recipe_file: Path, tmp_path: Path) -> None:
    short = ["tag_backbone.epochs=1", "finetune.epochs=2", "finetune.validate_every=1", "finetune.ema_decay=0.9"]
    files = []
    for name in ("a", "b"):
        folder = train(load_recipe(recipe_file, short), tmp_path / name)
        files.append((folder / "model" / "model.safetensors").read_bytes())
    assert files[0] == files[1]


def test_a_recipe_without_data_says_so(recipe_file: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no training data"):
        train(load_recipe(recipe_file, ["data.strong=[]"]), tmp_path / "runs")
    with pytest.raises(InputError, match=r"tag_backbone\.use"):
        train(load_recipe(recipe_file, ['tag_backbone.use=["weak"]']), tmp_path / "others")
