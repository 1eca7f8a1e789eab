"""`make bench`: what training steps and detection cost here, as ratios to one forward pass of the backbone.

Goals: ratios that hold on a noisy machine, each measured in the same run as what it is divided by.
Non-goals: absolute times, accuracy.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

import sedt.build as build
from sedt.batch import PatchBatch, Supervision, Targets
from sedt.config import FeaturesConfig, LossConfig, ModelConfig, PatchConfig, PretrainConfig
from sedt.data.kept_maps import KeptMaps
from sedt.data.patches import PatchSize, draw_patches
from sedt.features import Frontend
from sedt.losses.reconstruction import reconstruction_loss
from sedt.losses.tags import tag_loss
from sedt.training.pretrain_module import PretrainModule


def least_s(function: Callable[[], object], repeats: int) -> float:
    """Seconds of the fastest call, which others on the machine disturbed least; after one to warm up."""
    function()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


def targets(num_classes: int) -> Targets:
    """Three events at random."""
    return Targets(
        Supervision.STRONG, torch.ones(num_classes), torch.arange(3), torch.rand(3, 2) * 0.5 + 0.25
    )


def pretraining_step(
    config: ModelConfig,
    stage: PretrainConfig,
    waveforms: torch.Tensor,
    frontend: Frontend,
    kept: bool,
    reduced: bool,
) -> Callable[[], None]:
    """A whole step of SP-SEDT, as its stage does it: features, loss, gradients, optimiser."""
    network = build.sp_sedt(config, stage).train()
    network.trunk.backbone.to(memory_format=torch.channels_last)
    samples = waveforms.shape[1]
    module = PretrainModule(frontend, network, build.patch_loss(stage, LossConfig()), stage, samples)
    optimizer = torch.optim.AdamW((p for p in network.parameters() if p.requires_grad), 1e-4, fused=True)
    number = len(waveforms)
    batch = PatchBatch(
        waveforms=waveforms,
        num_samples=torch.full((number,), samples),
        patches=torch.from_numpy(
            np.stack([draw_patches(np.random.default_rng(i), 10, PatchSize()) for i in range(number)])
        ),
        rows=torch.arange(number),
        has_map=torch.full((number,), kept),
        feature_maps=network.feature_map(frontend(waveforms)).bfloat16() if kept else None,
    )
    if kept:
        maps = batch.feature_maps
        assert maps is not None
        channels, time_steps, frequency = maps.shape[1:]
        module.maps = KeptMaps(Path(), number, (channels, time_steps, frequency), "", 0)

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=reduced):
            predictions = module.predict(batch)
        found = module.match(predictions, batch)
        total = module.loss.total(found) + reconstruction_loss(predictions, found.matches)
        optimizer.zero_grad()
        total.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 0.1)
        optimizer.step()

    return step


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backbone", default="resnet50")
    parser.add_argument("--encoder-layers", type=int, default=3)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)

    config = ModelConfig(
        backbone=options.backbone, backbone_start="random", encoder_layers=options.encoder_layers
    )
    frontend = build.frontend(FeaturesConfig())
    network = build.sedt(config, num_classes=10)
    loss = build.set_loss(LossConfig(), config)
    waveforms = torch.randn(options.batch, 160_000) * 0.1
    features = frontend(waveforms)
    truth = [targets(10) for _ in range(options.batch)]
    reduced = build.uses_bfloat16("auto", torch.device("cpu"))

    with torch.inference_mode():
        unit = least_s(lambda: network.trunk.backbone(features), options.repeats)
        front = least_s(lambda: frontend(waveforms), options.repeats)
        detect = least_s(lambda: network(features), options.repeats)

    network.trunk.backbone.to(memory_format=torch.channels_last).freeze_stages(1)

    def step() -> None:
        network.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=reduced):
            predictions = network(frontend(waveforms))
        assert predictions.tag_logits is not None
        total = loss.total(loss(predictions, truth)) + tag_loss(predictions.tag_logits, truth)
        total.backward()

    training = least_s(step, options.repeats)
    pretraining = {
        name: least_s(pretraining_step(config, stage, waveforms, frontend, kept, reduced), options.repeats)
        for name, stage, kept in (
            ("crop", PretrainConfig(), False),
            ("pooled", PretrainConfig(patches=PatchConfig(features="pooled")), False),
            ("pooled, kept maps", PretrainConfig(patches=PatchConfig(features="pooled")), True),
        )
    }
    table = Table(
        title=f"{options.batch} clips of 10 s, {options.backbone}, E = {options.encoder_layers}, "
        f"threads: {options.threads}; "
        "1 = one float32 forward pass of the backbone"
    )
    table.add_column("what")
    table.add_column("ratio", justify="right")
    for name, seconds in (
        ("log-mel and normaliser", front),
        ("SEDT forward, float32", detect),
        (f"SEDT training step, {'bfloat16' if reduced else 'float32'}", training),
        *((f"SP-SEDT step, 10 patches, {name}", seconds) for name, seconds in pretraining.items()),
    ):
        table.add_row(name, f"{seconds / unit:.2f}")
    console = Console()
    console.print(table)
    console.print(f"detection: {options.batch * 10 / (detect + front):.0f} s of audio per second here")


if __name__ == "__main__":
    main()
