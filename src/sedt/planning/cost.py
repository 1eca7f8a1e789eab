"""What training will cost here: a step of fine-tuning is measured, the rest follows from it."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

import torch

import sedt.build as build
from sedt.batch import Targets
from sedt.config import Recipe

TAGGING_STEPS, TUNING_STEPS, PRETRAINING_STEPS = 1500, 6000, 2000
"""Optimiser steps that were enough for the project's own benchmarks."""
_TAGGING_COST, _PRETRAINING_COST = 4.0, 1.4
"""A step of these stages (32 and 16 clips) against one of fine-tuning (8 clips), as seen on two cores."""


@dataclass(frozen=True)
class Cost:
    """Steps of each stage, and the seconds of one."""

    step_s: float
    tagging: int
    pretraining: int
    finetuning: int

    @property
    def hours(self) -> float:
        """Of all stages; a rough figure."""
        steps = (
            self.tagging * _TAGGING_COST + self.pretraining * _PRETRAINING_COST + self.finetuning
        )
        return steps * self.step_s / 3600


def plan_steps(step_s: float, hours: float, with_pretraining: bool) -> Cost:
    """As many steps as the benchmarks took, fewer of all where `hours` would be exceeded."""
    whole = Cost(step_s, TAGGING_STEPS, PRETRAINING_STEPS * with_pretraining, TUNING_STEPS)
    share = min(1.0, hours / whole.hours)
    return Cost(
        step_s,
        *(max(20, round(share * n)) if n else 0 for n in (whole.tagging, whole.pretraining, whole.finetuning)),
    )


def measure_step(recipe: Recipe, num_classes: int, *, batch: int = 8, tries: int = 3) -> float:
    """Seconds of one step of fine-tuning on this machine; the fastest of some, the first left out."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    frontend = build.frontend(recipe.features).to(device)
    network = build.sedt(recipe.model.model_copy(update={"backbone_start": "random"}), num_classes).to(device)
    loss = build.set_loss(recipe.loss, recipe.model).to(device)
    window = round(recipe.model.window_s * recipe.features.sample_rate)
    waveforms = torch.randn(batch, window, device=device) * 0.1
    lengths = torch.full((batch,), window, device=device)
    targets = [_targets(recipe.model.num_queries, num_classes) for _ in range(batch)]
    seconds = []
    for _ in range(1 + tries):
        begin = time.perf_counter()
        with torch.autocast(device.type, torch.bfloat16, build.uses_bfloat16(recipe.machine.precision, device)):
            features = frontend(waveforms, lengths)
            predictions = network(*features) if isinstance(features, tuple) else network(features)
        loss(predictions, [target.to(device) for target in targets]).total.backward()
        network.zero_grad()
        seconds.append(time.perf_counter() - begin)
    return min(seconds[1:])


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
