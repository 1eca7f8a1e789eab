"""The recipe that `sedt new` writes: TOML that a person reads and changes, with the reasons in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sedt.data.clips import num_crops
from sedt.planning.cost import Cost
from sedt.planning.fit import Fit
from sedt.planning.sizes import Sizes
from sedt.planning.split import Split
from sedt.planning.toml_text import array, relative, string

TAG_BATCH, PATCH_BATCH, FRAME_BATCH = 32, 16, 16
"""Clips in a step of the stages before fine-tuning, and of networks without queries."""
NAMED = 8
"""So many classes are named in the description."""
VALIDATIONS = 12
"""About so many validations in a stage."""
MIN_PATCH_SHARE = 0.05


@dataclass(frozen=True)
class Choices:
    """All that a recipe of `sedt new` depends on, but for the number of epochs."""

    name: str
    folder: Path
    recipe_folder: Path
    tables: str
    """Folder of the label tables, beside the recipe."""
    network: str
    pretrains: bool
    split: Split
    fit: Fit
    sizes: Sizes
    labelled_s: Sequence[float]
    """Seconds of each recording that trains."""
    unlabelled_s: Sequence[float]
    """Seconds of each recording that pre-training hears."""
    seed: int


def recipe_text(choices: Choices, cost: Cost | None) -> str:
    """The whole file; without `cost` a first one, whose stages have one epoch."""
    stages = _stages(choices)
    parts = [_head(choices, stages), _features(choices.fit), _model(choices), _decoding(choices.fit)]
    parts.append(_data(choices))
    if "tag_backbone" in stages:
        parts.append(_tag_backbone(choices, cost.tagging if cost else 1))
    if "pretrain" in stages:
        parts.append(_pretrain(choices, cost.pretraining if cost else 1))
    steps = cost.finetuning if cost else 1
    parts.append(_finetune(choices, steps) if choices.network == "sedt" else _train_frames(choices, steps))
    parts.append(_tune(choices.fit))
    return "\n".join(parts)


def _stages(choices: Choices) -> list[str]:
    if choices.network != "sedt":
        stages = ["train_frames"]
    else:
        tagging = ["tag_backbone"] if choices.sizes.backbone_start == "random" else []
        stages = [*tagging, *(["pretrain"] if choices.pretrains else []), "finetune"]
    return [*stages, *(["tune"] if choices.split.validation else [])]


def _head(choices: Choices, stages: list[str]) -> str:
    return f"""\
# Written by `sedt new`: change what you know better, then `sedt train` it.
# src/sedt/config.py explains every setting.
name = {string(choices.name)}
description = {string(_description(choices.fit.classes))}
seed = {choices.seed}
stages = {array(stages)}
"""


def _description(classes: list[str]) -> str:
    more = f" and {len(classes) - NAMED} more" if len(classes) > NAMED else ""
    return f"Finds {', '.join(classes[:NAMED])}{more}."


def _features(fit: Fit) -> str:
    ms = 1000 / fit.sample_rate
    return f"""\
[features]
# Frames of {fit.frame_samples * ms:.3g} ms every {fit.hop_samples * ms:.3g} ms.
sample_rate = {fit.sample_rate}
frame_samples = {fit.frame_samples}
fft_samples = {fit.fft_samples}
hop_samples = {fit.hop_samples}
"""


def _model(choices: Choices) -> str:
    fit, sizes = choices.fit, choices.sizes
    window = f"# Half of the events last more than {fit.median_s:.3g} s.\nwindow_s = {fit.window_s:g}\n"
    if choices.network != "sedt":
        return f"[model]\nnetwork = {string(choices.network)}\n{window}"
    return f"""\
[model]
{window}# A window holds up to {fit.most_in_window} events.
num_queries = {fit.num_queries}
backbone = {string(sizes.backbone)}
backbone_start = {string(sizes.backbone_start)}
map_stage = {sizes.map_stage}
time_stride = 8
model_size = {sizes.model_size}
num_heads = {sizes.num_heads}
ffn_size = {sizes.ffn_size}
position_unit = "step"
query_place = "anchor"
edges = "pointed"
attention_dropout = 0.0

# In training, further queries are told events with noise.
[loss]
denoising_weight = 1.0
"""


def _decoding(fit: Fit) -> str:
    median = f"median_s = {round(fit.median_s / 4, 3):g}\n"
    return f"[decoding]\nmin_length_s = {fit.min_length_s:g}\n{median}"


def _data(choices: Choices) -> str:
    audio = string(relative(choices.folder, choices.recipe_folder))
    tables = [("strong", "train"), ("validation", "validation"), ("test", "test")]
    text = f"[data]\nclasses = {array(choices.fit.classes)}\n"
    for kind, part in tables:
        if getattr(choices.split, part):
            labels = string(f"{choices.tables}/{part}.tsv")
            text += f"\n[[data.{kind}]]\nlabels = {labels}\naudio = {audio}\n"
    if choices.pretrains:
        text += f"\n# All audio but the test recordings.\n[[data.unlabelled]]\naudio = {audio}\n"
        text += f"exclude = {array(choices.split.test)}\n" if choices.split.test else ""
    return text


def _tag_backbone(choices: Choices, steps: int) -> str:
    """Settings of the project's own benchmarks, the last stage of the backbone but one is what SEDT sees."""
    batch = min(TAG_BATCH, _clips(choices.labelled_s, choices))
    return f"""\
[tag_backbone]
map_stage = -1
use = ["strong"]
batch_size = {batch}
{_length(steps, -(-_clips(choices.labelled_s, choices) // batch))}\
optimizer = "adamw"
learning_rate = 1e-3
weight_decay = 1e-2
schedule = "cosine"
warmup_steps = {min(100, steps // 10)}
gradient_norm = 1.0
"""


def _pretrain(choices: Choices, steps: int) -> str:
    clips = max(1, round(0.9 * _clips(choices.unlabelled_s, choices)))  # some are held out
    batch, number = min(PATCH_BATCH, max(1, clips)), _patches(choices.fit)
    usual = min(0.5, max(2 * MIN_PATCH_SHARE, 2 * choices.fit.median_s / choices.fit.window_s))
    return f"""\
[pretrain]
batch_size = {batch}
{_length(steps, -(-clips // batch))}\
learning_rate = 4e-4
weight_decay = 1e-2
schedule = "cosine"
warmup_steps = {min(200, steps // 10)}
gradient_norm = 0.5
reconstruction_weight = 5.0
match_own = true

# Patches are about as long as two events.
[pretrain.patches]
number = {number}
length_mean = {usual:.3g}
length_deviation = {usual / 2:.3g}
features = "pooled"
standardised = true
"""


def _finetune(choices: Choices, steps: int) -> str:
    clips = _clips(choices.labelled_s, choices)
    batch = min(choices.sizes.batch_size, clips)
    return f"""\
[finetune]
strong_per_batch = {batch}
weak_per_batch = 0
{_length(steps, -(-clips // batch))}\
learning_rate = 6e-4
backbone_learning_rate = 2e-4
weight_decay = 1e-2
schedule = "cosine"
warmup_steps = {min(200, steps // 10)}
gradient_norm = 0.5
ema_decay = 0.996
"""


def _train_frames(choices: Choices, steps: int) -> str:
    clips = _clips(choices.labelled_s, choices)
    batch = min(FRAME_BATCH, clips)
    return f"""\
[train_frames]
strong_per_batch = {batch}
weak_per_batch = 0
{_length(steps, -(-clips // batch))}\
schedule = "cosine"
warmup_steps = {min(100, steps // 10)}
gradient_norm = 1.0
ema_decay = 0.99
"""


def _tune(fit: Fit) -> str:
    """Events shorter than the usual collars need narrower ones."""
    ratio = 0.2 if fit.collar_s >= 0.2 else 0.0
    return f"""\
# How exact an event must be to count, in validation and test.
[tune]
onset_collar_s = {fit.collar_s:g}
offset_collar_s = {fit.collar_s:g}
offset_ratio = {ratio:g}
"""


def _length(steps: int, steps_per_epoch: int) -> str:
    epochs = max(1, round(steps / max(1, steps_per_epoch)))
    return f"epochs = {epochs}\nvalidate_every = {max(1, epochs // VALIDATIONS)}\n"


def _clips(seconds: Sequence[float], choices: Choices) -> int:
    """Of an epoch, as training counts them."""
    return max(1, sum(num_crops(length_s, choices.fit.window_s) for length_s in seconds))


def _patches(fit: Fit) -> int:
    """The largest number of patches up to 6 that divides the queries."""
    return max(number for number in range(1, 7) if fit.num_queries % number == 0)
