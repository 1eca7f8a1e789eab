"""What a recipe of DCASE 2019 costs: operations counted, hours and memory estimated from them.

python experiments/costs.py sp_sedt_e3 sp_sedt_e6 sp_sedt_semi crnn --tflops 10

Counted: floating-point operations of a forward and backward pass of each stage (torch.utils.flop_counter),
and the bytes that it keeps for its backward pass (torch.autograd.graph.saved_tensors_hooks), for a clip.
Estimated: hours, at `--tflops` sustained by each device, and memory. Reading audio is not in it.
"""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from record import told_in_a_line
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

import sedt.build as build
from sedt.config import OptimizerConfig, Recipe
from sedt.recipe import load_recipe

RECIPES = Path(__file__).parents[1] / "recipes" / "dcase2019"
STRONG, WEAK, UNLABELLED, TASK5 = 1838, 1578, 14412, 72984
"""Clips: synthetic ones but for the held-out tenth, weak ones, those without labels."""

CLASSES, CLIPS = 10, 2
BYTES_OF_A_WEIGHT = 16
"""A float32 weight, its gradient, two averages of the optimiser."""


@dataclass(frozen=True)
class Cost:
    """Of one stage."""

    stage: str
    clips: int
    """Clips that pass through in all epochs."""
    steps: int
    flops: float
    """Of one clip."""
    kept: float
    """Bytes that one clip keeps for the backward pass."""
    fixed: float
    """Bytes that do not depend on the batch."""
    per_batch: int
    """Clips at once in one process."""

    def hours(self, tflops: float) -> float:
        """On devices that sustain so much together."""
        return self.clips * self.flops / (tflops * 1e12) / 3600

    @property
    def gib(self) -> float:
        """Memory of one process."""
        return (self.fixed + self.kept * self.per_batch) / 2**30


def measure(run: Callable[[], Tensor]) -> tuple[float, float]:
    """(operations, bytes kept) of one clip, forward and backward."""
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with FlopCounterMode(display=False) as counter:
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            loss = run()
        loss.backward()
    return counter.get_total_flops() / CLIPS, sum(kept.values()) / CLIPS


@dataclass(frozen=True)
class Work:
    """One stage: what passes through which network."""

    stage: str
    settings: OptimizerConfig
    network: nn.Module
    forward: Callable[[Tensor], Tensor]
    """Spectrograms -> something to go backward from."""
    num_clips: int
    """In an epoch."""
    per_batch: int

    def cost(self, features: Tensor, precision: torch.dtype) -> Cost:
        """Counted on a few clips."""

        def run() -> Tensor:
            with torch.autocast("cpu", precision, enabled=precision != torch.float32):
                return self.forward(features)

        flops, kept = measure(run)
        fixed = BYTES_OF_A_WEIGHT * sum(p.numel() for p in self.network.parameters())
        epochs = self.settings.epochs
        steps = math.ceil(self.num_clips / (self.per_batch * self.settings.accumulate)) * epochs
        return Cost(self.stage, self.num_clips * epochs, steps, flops, kept, fixed, self.per_batch)


def work(recipe: Recipe, stage: str) -> Work:
    """What a stage does in an epoch, which is as long as its strong clips are."""
    if stage == "tag_backbone":
        tagger = build.tagger(recipe.model, recipe.tag_backbone, CLASSES)
        settings = recipe.tag_backbone
        return Work(stage, settings, tagger, lambda x: tagger(x).sum(), WEAK, settings.batch_size)
    if stage == "pretrain":
        return pretraining(recipe)
    if stage == "train_frames":
        frames, baseline = build.frame_detector(recipe.features, recipe.model, CLASSES), recipe.train_frames
        batch = baseline.strong_per_batch + baseline.weak_per_batch
        clips = STRONG * batch // baseline.strong_per_batch
        return Work(stage, baseline, frames, lambda x: frames(x).frame_logits.sum(), clips, batch)
    semi, tuned = stage == "finetune_semi", recipe.finetune
    events = recipe.finetune_semi if semi else tuned
    batch = events.strong_per_batch + events.weak_per_batch
    batch += recipe.finetune_semi.unlabelled_per_batch if semi else 0
    network = build.sedt(recipe.model, CLASSES)
    network.trunk.backbone.freeze_stages(events.frozen_stages)

    def forward(features: Tensor) -> Tensor:
        if semi:  # the teacher hears the batch, too
            with torch.no_grad():
                network(features)
        said = network(features)
        return torch.stack([said.class_logits.sum(), said.spans.sum(), said.tag_logits.sum()]).sum()

    return Work(stage, events, network, forward, STRONG * batch // events.strong_per_batch, batch)


def pretraining(recipe: Recipe) -> Work:
    """SP-SEDT: a pass for the clip, one for its patches, the transformer."""
    settings = recipe.pretrain
    network = build.sp_sedt(recipe.model, settings).train()
    patches = torch.tensor([0.5, 0.31]).repeat(CLIPS, settings.patches.number, 1)

    def forward(features: Tensor) -> Tensor:
        feature_map = network.feature_map(features)
        said = network.find(feature_map, network.patch_features(features, feature_map, patches), None)
        return torch.stack([said.class_logits.sum(), said.spans.sum(), said.reconstructions.sum()]).sum()

    clips = UNLABELLED + (TASK5 if len(recipe.data.unlabelled) > 1 else 0)
    clips = round(clips * (1 - settings.held_out))
    return Work("pretrain", settings, network, forward, clips, settings.batch_size)


def main() -> None:
    """Count and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("recipes", nargs="+", help="names in recipes/dcase2019")
    parser.add_argument("--tflops", type=float, default=10.0, help="sustained by one device")
    parser.add_argument("--float32", action="store_true", help="without bfloat16")
    options = parser.parse_args()
    precision = torch.float32 if options.float32 else torch.bfloat16
    table = Table("recipe", "stage", "steps", "GFLOP a clip", "PFLOP", "h on 1", "h on 8", "GiB")
    for variable in ("DCASE2019", "DCASE2018_TASK5"):  # what is counted needs no data
        os.environ.setdefault(variable, variable)
    for name in options.recipes:
        recipe = load_recipe(RECIPES / f"{name}.toml", ['model.backbone_start="random"'])
        frontend = build.frontend(recipe.features)
        samples = round(recipe.model.window_s * recipe.features.sample_rate)
        features = frontend(torch.randn(CLIPS, samples) * 0.1)
        for stage in recipe.stages:
            if stage == "tune":  # nothing is learned in it
                continue
            cost = work(recipe, stage).cost(features, precision)
            total = cost.clips * cost.flops / 1e15
            hours = [f"{cost.hours(options.tflops * devices):.2f}" for devices in (1, 8)]
            row = f"{cost.steps}", f"{cost.flops / 1e9:.0f}", f"{total:.0f}", *hours, f"{cost.gib:.1f}"
            table.add_row(name, cost.stage, *row)
    Console(width=110).print(table)


if __name__ == "__main__":
    with told_in_a_line():
        main()
