"""Packages of every kind of network, small enough for tests, with random weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import sedt.build as build
from sedt.config import DecodingConfig, FeaturesConfig, FramesConfig, ModelConfig
from sedt.package import Package

CLASSES = ["cat", "dog", "[siren]"]
FEATURES = FeaturesConfig(num_bands=32)
MODELS = {
    "sedt": ModelConfig(
        backbone="resnet10t", backbone_start="random", map_stage=2, window_s=1.0, model_size=32,
        num_heads=2, ffn_size=32, encoder_layers=1, decoder_layers=1, num_queries=6, query_place="anchor",
        edges="pointed",
    ),
    "crnn": ModelConfig(
        network="crnn", window_s=1.0,
        frames=FramesConfig(channels=[8, 16], pools=[(2, 4), (1, 8)], recurrent_size=8, recurrent_layers=1),
    ),
    "conv_transformer": ModelConfig(
        network="conv_transformer", window_s=1.0,
        frames=FramesConfig(
            channels=[8, 16], pools=[(2, 4), (1, 8)], attention_size=16, attention_heads=2,
            attention_ffn_size=16, attention_layers=1,
        ),
    ),
}  # fmt: skip


def package(network: str = "sedt", **decoding: object) -> Package:
    """What it finds means nothing, but with thresholds of 0 it finds something."""
    torch.manual_seed(0)
    model = build.detection_model(FEATURES, MODELS[network], len(CLASSES)).eval()
    model.frontend.normaliser.mean.fill_(-30.0)
    model.frontend.normaliser.std.fill_(20.0)
    for name, parameter in model.named_parameters():
        if "edge_pointer.sought" in name:  # untrained it points nowhere
            torch.nn.init.normal_(parameter, std=0.2)
    settings = {"threshold": 0.1, "tag_threshold": 0.0, "min_length_s": 0.0, **decoding}
    info = {"name": "small", "description": "Hears [nothing].", "license": "cc0-1.0"}
    return Package(model, CLASSES, FEATURES, MODELS[network], DecodingConfig.model_validate(settings), info)


def sure_package(network: str, **decoding: object) -> Package:
    """One whose steps, if it has any, are not all of a probability near 0.5."""
    made = package(network, **decoding)
    if network != "sedt":
        made.model.network.class_head.weight.data.mul_(30)
    return made


def bursts() -> NDArray[np.float64]:
    """2.5 s of noise at 16 kHz, louder and softer every 50 ms."""
    generator = np.random.default_rng(0)
    return generator.normal(0, 1, 40_000) * np.repeat(10 ** generator.uniform(-3, -0.5, 50), 800)


MODEL = MODELS["sedt"].model_copy(update={"query_place": "learned", "window_s": 10.0, "num_queries": 4})


def small_package(**info: Any) -> Package:
    """Two classes, with thresholds of their own."""
    torch.manual_seed(0)
    features = FeaturesConfig(num_bands=32)
    model = build.detection_model(features, MODEL, 2).eval()
    model.frontend.normaliser.mean.fill_(-30.0)
    return Package(
        model=model,
        classes=["cat", "dog"],
        features=features,
        model_config=MODEL,
        decoding=DecodingConfig(threshold={"cat": 0.4, "dog": 0.6}),
        info={"name": "small", "description": "A test.", "scores": {"f1": 0.5}, **info},
    )
