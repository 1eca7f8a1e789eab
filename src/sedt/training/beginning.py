"""What can be known before the first step is said there, not after hours."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import sedt.build as build
from sedt.batch import Supervision
from sedt.checking.stages import stage_faults
from sedt.config import Recipe
from sedt.decoding.decide import per_class
from sedt.errors import InputError, noting
from sedt.training.datasets import Datasets
from sedt.training.trainer import is_first_process

PER_CLASS = ("threshold", "tag_threshold", "min_length_s", "median_s")
"""Settings of `decoding` that may have a value for each class."""

CUT_FRAMES = 0.98
"""Share of a window's frames that `features.max_frames` must leave."""


def check_beginning(recipe: Recipe, datasets: Datasets, folder: Path) -> None:
    """See that every stage can begin, and the test after them, if the run in `folder` has not had it.

    Raises:
        InputError: a stage lacks clips or weights, or does nothing with a setting; a network cannot be built;
            a label is no class; `decoding` has values for other classes; the test clips cannot be read.
    """
    for fault in (*stage_faults(recipe), *_setting_faults(recipe)):
        raise InputError(fault)
    _build_networks(recipe, len(datasets.classes))
    if not datasets.classes:  # pre-training alone
        return
    for name in PER_CLASS:
        per_class(getattr(recipe.decoding, name), datasets.classes, name)
    _check_labels(recipe, datasets)
    if is_first_process() and not (folder / "test.json").exists():
        with noting(lambda note: None):  # said when they are scored
            build.all_recordings(recipe.data.test, Supervision.STRONG, recipe.features.sample_rate)


def _setting_faults(recipe: Recipe) -> Iterator[str]:
    features, window_s = recipe.features, recipe.model.window_s
    frames = round(window_s * features.sample_rate) // features.hop_samples + 1
    if features.max_frames is not None and features.max_frames < CUT_FRAMES * frames:
        yield (
            f"features.max_frames {features.max_frames}: a window of {window_s:g} s has {frames}, and times "
            "are shares of the whole window: set a shorter model.window_s"
        )
    if features.hop_samples > features.frame_samples:
        yield (
            f"features.hop_samples {features.hop_samples}: more than frame_samples "
            f"{features.frame_samples}: what sounds between two frames is not heard"
        )
    if "train_frames" in recipe.stages and recipe.train_frames.backbone_learning_rate is not None:
        yield "train_frames.backbone_learning_rate: these networks have no backbone of their own"


def _build_networks(recipe: Recipe, num_classes: int) -> None:
    """As later stages will, without weights; the first one does so itself, with them."""
    if "train_frames" in recipe.stages:
        build.frame_detector(recipe.features, recipe.model, num_classes)
    if "pretrain" in recipe.stages:
        build.sp_sedt(recipe.model, recipe.pretrain, with_weights=False)
    for name in ("finetune", "finetune_semi"):
        if name in recipe.stages:
            network = build.sedt(recipe.model, num_classes, with_weights=False)
            network.trunk.backbone.freeze_stages(getattr(recipe, name).frozen_stages)


def _check_labels(recipe: Recipe, datasets: Datasets) -> None:
    batches = [getattr(recipe, name) for name in ("finetune", "finetune_semi", "train_frames")]
    is_weak_used = "weak" in recipe.tag_backbone.use or any(each.weak_per_batch for each in batches)
    for part in ("strong", "weak", "validation") if is_weak_used else ("strong", "validation"):
        for recordings in getattr(datasets, part):
            for name, labels in build.labels(recordings).items():
                for label in sorted(labels.difference(datasets.classes)):
                    raise InputError(
                        f"data.{part}: {name}: label {label!r} is not one of the classes: "
                        f"{', '.join(datasets.classes)}"
                    )
