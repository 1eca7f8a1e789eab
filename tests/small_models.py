"""A package that is made in no time, for tests of what is done with packages."""

from __future__ import annotations

from typing import Any

import torch

import sedt.build as build
from sedt.config import DecodingConfig, FeaturesConfig, ModelConfig
from sedt.package import Package

MODEL = ModelConfig(
    backbone="resnet10t",
    backbone_start="random",
    map_stage=2,
    model_size=32,
    num_heads=2,
    ffn_size=32,
    encoder_layers=1,
    decoder_layers=1,
    num_queries=4,
)


def small_package(**info: Any) -> Package:
    """Two classes, random weights."""
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
