"""A backbone, a loss term and a training loop of one's own around the parts of sedt (docs/extending.md).

python examples/own_loop.py             # a few minutes on one core

Learns two kinds of tones from clips that are made here, prints the scores of new clips, saves the model.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch
from rich.console import Console
from torch import Tensor, nn

import sedt
from sedt import build
from sedt.batch import Predictions, Supervision, Targets
from sedt.config import DecodingConfig, FeaturesConfig, LossConfig, ModelConfig
from sedt.decoding import Decision, candidates, decode
from sedt.losses.events import EventLosses, SetLoss
from sedt.losses.tags import tag_loss
from sedt.models.map_backbone import MapBackbone
from sedt.package import Package, save_package
from sedt.spans import edges_to_spans, spans_to_edges

CLASSES = ["low", "high"]
HERTZ = (400.0, 2500.0)
FEATURES = FeaturesConfig()
MODEL = ModelConfig(
    backbone="four_layers",
    backbone_start="random",
    window_s=4.0,
    model_size=64,
    num_heads=4,
    ffn_size=128,
    num_queries=6,
    query_place="anchor",
    edges="pointed",
)


class FourLayers(MapBackbone):
    """A backbone needs `num_channels`, `time_stride` and `forward`."""

    num_channels, time_stride = 64, 4

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after, stride in ((1, 16, 2), (16, 32, 2), (32, 64, (1, 2)), (64, 64, (1, 2))):
            layers += [nn.Conv2d(before, after, 3, stride, 1), nn.GroupNorm(4, after), nn.ReLU()]
        self.layers = nn.Sequential(*layers)

    def forward(self, features: Tensor) -> Tensor:
        """(batch, frames, bands) -> (batch, 64, frames / 4, bands / 16)."""
        maps: Tensor = self.layers(features.unsqueeze(1))
        return maps


class CountingLoss(SetLoss):
    """Eq. 1-3, and how many events a clip has: a further term goes into `extra`, weighted."""

    def forward(self, predictions: Predictions, targets: list[Targets], **options: object) -> EventLosses:
        """As `SetLoss`."""
        losses = super().forward(predictions, targets, **options)  # type: ignore[arg-type]
        there = 1 - predictions.class_logits[-1].softmax(-1)[..., -1]  # the last output is "no event"
        true = torch.tensor([float(len(target.labels)) for target in targets])
        return replace(losses, extra={"count": 0.1 * (there.sum(1) - true).abs().mean()})


def clips(number: int, seed: int) -> tuple[Tensor, list[Targets]]:
    """Waveforms (number, samples) of one to three tones in noise, and what sounds in them."""
    generator = torch.Generator().manual_seed(seed)
    times = torch.arange(round(MODEL.window_s * FEATURES.sample_rate)) / FEATURES.sample_rate
    waveforms, targets = 0.02 * torch.randn(number, len(times), generator=generator), []
    for waveform in waveforms:
        count = int(torch.randint(1, 4, (1,), generator=generator))
        labels = torch.randint(0, 2, (count,), generator=generator)
        starts = torch.arange(count) / count + 0.1 * torch.rand(count, generator=generator)
        edges = torch.stack([starts, starts + 0.1 + 0.1 * torch.rand(count, generator=generator)], 1)
        for label, (onset, offset) in zip(labels.tolist(), (edges * MODEL.window_s).tolist(), strict=True):
            waveform += 0.2 * torch.sin(6.2832 * HERTZ[label] * times) * ((times >= onset) & (times < offset))
        tags = torch.zeros(len(CLASSES)).index_fill_(0, labels, 1.0)
        targets.append(Targets(Supervision.STRONG, tags, labels, edges_to_spans(edges)))
    return waveforms, targets


def batches(steps: int, size: int = 16) -> Iterator[tuple[Tensor, list[Targets]]]:
    """New clips for each step."""
    for step in range(steps):
        yield clips(size, seed=step)


def events_of(targets: Targets) -> list[sedt.Event]:
    """In seconds."""
    edges = (spans_to_edges(targets.spans) * MODEL.window_s).tolist()
    return [sedt.Event(*edge, CLASSES[label]) for edge, label in zip(edges, targets.labels, strict=True)]


def main() -> None:
    """Train, score, save, load."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--folder", type=Path, default=Path("build/own_loop"))
    options = parser.parse_args()
    torch.manual_seed(0)
    build.BACKBONES["four_layers"] = lambda config: FourLayers()  # what `model.backbone` names

    model = build.detection_model(FEATURES, MODEL, len(CLASSES))
    log_mel = model.frontend.log_mel
    model.frontend.normaliser.fit(log_mel(waveforms) for waveforms, _ in batches(4))
    loss = CountingLoss(classes=build.set_loss(LossConfig(), MODEL).classes)
    optimizer = torch.optim.AdamW([*model.network.parameters(), *loss.parameters()], lr=5e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 5e-4, total_steps=options.steps)
    for step, (waveforms, targets) in enumerate(batches(options.steps)):
        predictions = model.train()(waveforms)
        losses = loss(predictions, targets)
        total = loss.total(losses) + tag_loss(predictions.tag_logits, targets)
        optimizer.zero_grad()
        total.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        optimizer.step()
        schedule.step()
        if step % 25 == 0 or step == options.steps - 1:
            told = "  ".join(f"{name} {value.item():.3f}" for name, value in losses.items().items())
            print(f"step {step}: {total.item():.3f}  {told}", flush=True)

    waveforms, targets = clips(100, seed=10**6)
    with torch.inference_mode():
        said = model.eval()(waveforms).probabilities()
    names = [f"{number}.wav" for number in range(len(targets))]
    truth = {name: events_of(target) for name, target in zip(names, targets, strict=True)}
    found = dict(zip(names, decode(said, CLASSES, Decision(), MODEL.window_s), strict=True))
    raw = dict(zip(names, candidates(said, CLASSES, MODEL.window_s), strict=True))
    lengths = dict.fromkeys(names, MODEL.window_s)
    Console().print(sedt.evaluate(truth, found, lengths, undecided=raw).table())

    save_package(options.folder, Package(model, CLASSES, FEATURES, MODEL, DecodingConfig()))
    again = sedt.load(options.folder).detect(waveforms[0].numpy(), sample_rate=FEATURES.sample_rate)
    print(
        f"{options.folder}: saved; it finds {len(again)} events in the first clip, of {len(truth[names[0]])}"
    )


if __name__ == "__main__":
    main()
