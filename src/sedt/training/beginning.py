"""What can be known before the first step is said there, not after hours."""

from __future__ import annotations

import sedt.build as build
from sedt.batch import Supervision
from sedt.checking.stages import stage_faults
from sedt.config import Recipe
from sedt.decoding.decide import per_class
from sedt.errors import InputError, noting
from sedt.training.datasets import Datasets

PER_CLASS = ("threshold", "tag_threshold", "min_length_s", "median_s")
"""Settings of `decoding` that may have a value for each class."""


def check_beginning(recipe: Recipe, datasets: Datasets) -> None:
    """See that every stage can begin, and the test after them.

    Raises:
        InputError: a stage lacks clips or weights; a label is no class; `decoding` has values for other
            classes; the test clips cannot be read.
    """
    for fault in stage_faults(recipe):
        raise InputError(fault)
    if not datasets.classes:  # pre-training alone
        return
    for name in PER_CLASS:
        per_class(getattr(recipe.decoding, name), datasets.classes, name)
    for part in ("strong", "weak", "validation"):
        for recordings in getattr(datasets, part):
            for name, labels in build.labels(recordings).items():
                for label in sorted(labels.difference(datasets.classes)):
                    raise InputError(
                        f"data.{part}: {name}: label {label!r} is not one of the classes: "
                        f"{', '.join(datasets.classes)}"
                    )
    with noting(lambda note: None):  # said when they are scored
        build.all_recordings(recipe.data.test, Supervision.STRONG, recipe.features.sample_rate)
