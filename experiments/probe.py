"""What a pre-trained transformer keeps of the sounds: a linear probe for clip tags on the encoder's memory.

python experiments/probe.py RUN... --json experiments/results/urban_grid/probe.json

Each RUN has been pre-trained on the same recipe of data. Features are mean and maximum over the tokens of a
clip; a ridge regression learns tags on the first 70 % of the strong clips and is scored on the others: area
under the ROC curve, mean over classes, at the best of four strengths (so all figures are a little high).
Beside the runs: the backbone's map, and a transformer with fresh weights.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

import sedt.build as build
from sedt.batch import ClipRequest
from sedt.config import Recipe
from sedt.features import Frontend
from sedt.models.trunk import Trunk
from sedt.training.datasets import load_datasets

STRENGTHS = (10.0, 100.0, 1000.0, 10_000.0)
LEARN = 0.7


def area(score: Tensor, there: Tensor) -> float:
    """Area under the ROC curve of one class."""
    return float((score[there][:, None] > score[~there][None]).double().mean())


def probe(tokens: Tensor, tags: Tensor) -> float:
    """(clips, tokens, size), (clips, classes) -> area."""
    found = torch.cat([tokens.mean(1), tokens.amax(1)], 1).double()
    cut = round(LEARN * len(found))
    found = (found - found[:cut].mean(0)) / found[:cut].std(0).clamp(min=1e-6)
    found = torch.cat([found, torch.ones(len(found), 1)], 1)
    gram, wanted = found[:cut].T @ found[:cut], found[:cut].T @ tags[:cut].double()
    areas = []
    for strength in STRENGTHS:
        weights = torch.linalg.solve(gram + strength * torch.eye(len(gram)), wanted)
        scores, truth = found[cut:] @ weights, tags[cut:] > 0
        areas.append(sum(area(scores[:, c], truth[:, c]) for c in range(tags.shape[1])) / tags.shape[1])
    return max(areas)


def memory(trunk: Trunk, feature_map: Tensor) -> tuple[Tensor, float]:
    """What the decoder looks at, and its mean norm before the last normalisation."""
    tokens = trunk.tokens_of(feature_map)
    content = tokens.content
    for layer in trunk.transformer.encoder:
        content = layer(content, tokens.positions, tokens.padding)
    return trunk.transformer.norm_encoder(content), float(content.norm(dim=-1).mean())


def trunk_of(run: Path, fresh: bool = False) -> tuple[Trunk, Frontend, Recipe]:
    """Of a run's best pre-training, or with a fresh transformer over the same backbone."""
    recipe = Recipe.model_validate(json.loads((run / "recipe.json").read_text(encoding="utf-8")))
    frontend = build.frontend(recipe.features)
    frontend.normaliser.load_state_dict(load_file(run / "normaliser.safetensors"))
    torch.manual_seed(recipe.seed)
    network = build.sp_sedt(recipe.model, recipe.pretrain, with_weights=False)
    kept = "network.trunk.backbone." if fresh else "network.trunk."
    best = load_file(run / "pretrain" / "best.safetensors")
    weights = {k.removeprefix("network.trunk."): v for k, v in best.items() if k.startswith(kept)}
    network.trunk.load_state_dict({**network.trunk.state_dict(), **weights})
    return network.trunk.eval(), frontend, recipe


def main() -> None:
    """Probe and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--clips", type=int, default=500)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    trunk, frontend, recipe = trunk_of(options.runs[0], fresh=True)
    datasets = load_datasets(recipe)
    clips = datasets.training(datasets.strong)
    items = [clips[ClipRequest(0, index, 0)] for index in range(options.clips)]
    tags = torch.stack([item.targets.tags for item in items])
    waveforms = torch.stack([item.waveform for item in items])
    with torch.inference_mode():
        maps = torch.cat([trunk.backbone(frontend(part)) for part in waveforms.split(20)])
        found = {"map": {"area": probe(maps.flatten(2).transpose(1, 2), tags)}}
        for name, network in [
            ("fresh transformer", trunk),
            *((run.name, trunk_of(run)[0]) for run in options.runs),
        ]:
            content, norm = memory(network, maps)
            found[name] = {"area": probe(content, tags), "norm": norm}
    for name, values in found.items():
        print(name, *(f"{key} {value:.3f}" for key, value in values.items()))
    if options.json:
        text = json.dumps({k: {n: round(x, 4) for n, x in v.items()} for k, v in found.items()}, indent=1)
        options.json.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
