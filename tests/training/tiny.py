"""A recipe so small that a stage takes seconds, on three sounds made here."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sedt.audio import write_audio

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
map_stage = 2
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
epochs = 3
batch_size = 8
optimizer = "adamw"
learning_rate = 2e-3
schedule = "constant"

[finetune]
epochs = 350
strong_per_batch = 8
weak_per_batch = 0
learning_rate = 2e-3
schedule = "cosine"
gradient_norm = 1.0
frozen_stages = 0
validate_every = 50

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


def write_recipe(folder: Path) -> Path:
    """The recipe, with its sounds beside it."""
    write_sounds(folder / "sounds")
    file = folder / "tiny.toml"
    # Validation and test are the eight training scenes: this is about learning, not about generalising.
    sets = "".join(SCENES.format(name=name) for name in ("strong", "validation", "test"))
    file.write_text(RECIPE.replace("{sets}", sets), encoding="utf-8")
    return file
