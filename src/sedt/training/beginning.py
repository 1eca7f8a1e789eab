"""What can be known before the first step is said there, not after hours."""

from __future__ import annotations

from pathlib import Path

import sedt.build as build
from sedt.batch import Supervision
from sedt.checking.stages import stage_faults
from sedt.config import Recipe
from sedt.decoding.decide import per_class
from sedt.errors import InputError, noting
from sedt.training.datasets import Datasets
from sedt.training.trainer import is_first_process
from sedt.training.transfer import given_normaliser

PER_CLASS = ("threshold", "tag_threshold", "min_length_s", "median_s")
"""Settings of `decoding` that may have a value for each class."""


def check_beginning(recipe: Recipe, datasets: Datasets, folder: Path) -> None:
    """See that every stage can begin, and the test after them, if the run in `folder` has not had it.

    Raises:
        InputError: a stage lacks clips or weights, or does nothing with a setting; a network cannot be built;
            a label is no class; `decoding` has values for other classes; the test clips cannot be read.
    """
    for fault in stage_faults(recipe):
        raise InputError(fault)
    given_normaliser(recipe)
    _build_networks(recipe, len(datasets.classes))
    if not datasets.classes:  # pre-training alone
        return
    for name in PER_CLASS:
        per_class(getattr(recipe.decoding, name), datasets.classes, name)
    _check_labels(recipe, datasets)
    if is_first_process() and not (folder / "test.json").exists():
        with noting(lambda note: None):  # said when they are scored
            build.all_recordings(recipe.data.test, Supervision.STRONG, recipe.features.sample_rate)


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
