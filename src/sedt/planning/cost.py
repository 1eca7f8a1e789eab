"""What training will cost here: a step is measured, the number of steps follows from the time there is."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

import sedt.build as build
from sedt.batch import Supervision, Targets
from sedt.config import Recipe
from sedt.losses.frames import frame_loss

TAGGING_STEPS, PRETRAINING_STEPS, TUNING_STEPS, FRAME_STEPS = 1500, 2000, 3000, 5000
"""Optimiser steps that were enough for the project's own benchmarks."""
USUAL_HOURS = 1.0
"""That so many steps may take, where nobody says how long."""
_TAGGING_COST, _PRETRAINING_COST = 3.2, 1.6
"""A step of these stages (32 and 16 clips) against one of fine-tuning (8 clips), as seen on two cores."""
_OVERHEAD = 1.3
"""Validation, and the reading of clips, beside the steps."""
TRIES = 4


@dataclass(frozen=True)
class Cost:
    """Steps of each stage, and the seconds of one of the last."""

    step_s: float
    tagging: int
    pretraining: int
    finetuning: int
    """Or of the network without queries."""

    @property
    def hours(self) -> float:
        """Of all stages; a rough figure."""
        steps = self.tagging * _TAGGING_COST + self.pretraining * _PRETRAINING_COST + self.finetuning
        return _OVERHEAD * steps * self.step_s / 3600


def plan_steps(step_s: float, hours: float | None, stages: Sequence[str]) -> Cost:
    """The steps of some stages, in the benchmarks' proportion.

    As many as fill `hours`; without, as many as the benchmarks took, or what fits into USUAL_HOURS.
    """
    whole = Cost(
        step_s,
        TAGGING_STEPS if "tag_backbone" in stages else 0,
        PRETRAINING_STEPS if "pretrain" in stages else 0,
        FRAME_STEPS if "train_frames" in stages else TUNING_STEPS,
    )
    share = min(1.0, USUAL_HOURS / whole.hours) if hours is None else hours / whole.hours
    steps = (whole.tagging, whole.pretraining, whole.finetuning)
    return Cost(step_s, *(max(20, round(share * number)) if number else 0 for number in steps))


def measure_step(recipe: Recipe, num_classes: int) -> float:
    """Seconds of a step of the last stage on this machine: the fastest of some but the first.

    Without a GPU it is processor time over the threads that share it: other programs may be running now.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    is_set = recipe.model.network == "sedt"
    batch = recipe.finetune.strong_per_batch if is_set else recipe.train_frames.strong_per_batch
    frontend = build.frontend(recipe.features).to(device)
    waveforms = torch.randn(batch, round(recipe.model.window_s * recipe.features.sample_rate)).to(device)
    targets = [_targets(num_classes, device) for _ in range(batch)]
    step = (_set_step if is_set else _frame_step)(recipe, num_classes, device, targets)
    is_cpu = device.type == "cpu"
    clock, threads = (time.process_time, torch.get_num_threads()) if is_cpu else (time.perf_counter, 1)
    seconds = []
    for _ in range(TRIES):
        begin = clock()
        with torch.autocast(
            device.type, torch.bfloat16, build.uses_bfloat16(recipe.machine.precision, device)
        ):
            loss = step(frontend(waveforms))
        loss.backward()  # type: ignore[no-untyped-call]
        loss.item()  # wait for a GPU
        seconds.append((clock() - begin) / threads)
    return min(seconds[1:])


def _set_step(
    recipe: Recipe, num_classes: int, device: torch.device, targets: list[Targets]
) -> Callable[[Tensor], Tensor]:
    model = recipe.model.model_copy(update={"backbone_start": "random"})
    network, loss = build.sedt(model, num_classes).to(device), build.set_loss(recipe.loss, recipe.model)
    network.trunk.backbone.freeze_stages(recipe.finetune.frozen_stages)
    if recipe.machine.channels_last:
        network.trunk.backbone.to(memory_format=torch.channels_last)
    denoising = build.denoising(recipe.loss, network)
    if denoising is not None:
        denoising.to(device)

    def step(features: Tensor) -> Tensor:
        hints = None if denoising is None else denoising.hints(targets)
        predictions = network(features, None, hints)
        total = loss.total(loss(predictions, targets))
        if denoising is not None and hints is not None:
            told = loss.of_known(predictions.hinted, targets, hints.events)
            total = total + denoising.plan.weight * loss.total(told)
        return total

    return step


def _frame_step(
    recipe: Recipe, num_classes: int, device: torch.device, targets: list[Targets]
) -> Callable[[Tensor], Tensor]:
    network = build.frame_detector(recipe.features, recipe.model, num_classes).to(device)

    def step(features: Tensor) -> Tensor:
        predictions = network(features)
        return frame_loss(predictions.frame_logits, targets, recipe.model.window_s / predictions.step_s)

    return step


def _targets(num_classes: int, device: torch.device) -> Targets:
    """A few events, one behind the other."""
    spans = torch.stack([torch.linspace(0.1, 0.9, 5), torch.full((5,), 0.1)], dim=1)
    labels = torch.arange(5) % num_classes
    tags = torch.zeros(num_classes).index_fill(0, labels, 1.0)
    return Targets(Supervision.STRONG, tags, labels, spans).to(device)
