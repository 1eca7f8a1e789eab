"""CRNN and Conv-Transformer: shapes, sizes, what padding and silence do."""

from __future__ import annotations

import pytest
import torch

import sedt.build as build
from sedt.config import FeaturesConfig, ModelConfig
from sedt.models.frames import FrameDetector

SETTINGS = {
    "crnn": {"network": "crnn"},
    "conv_transformer": {"network": "conv_transformer"},
}


def network(name: str, **frames: object) -> FrameDetector:
    torch.manual_seed(0)
    config = ModelConfig.model_validate({**SETTINGS[name], "frames": frames})
    return build.frame_detector(FeaturesConfig(), config, 10).eval()


@pytest.mark.parametrize("name", SETTINGS)
def test_a_step_is_eight_frames(name: str) -> None:
    model = network(name)
    out = model(torch.randn(2, 496, 64))
    assert out.frame_logits.shape == (2, 62, 10)
    assert out.tag_logits.shape == (2, 10)
    assert out.step_s == pytest.approx(8 * 323 / 16_000)
    probabilities = out.probabilities()
    assert probabilities.frames is not None
    assert probabilities.frames.shape == (2, 62, 10)
    assert probabilities.classes.shape == (2, 0, 10)
    assert out.step_s * 62 >= 10.0  # the window has a step for every moment
    assert model.convolutions.num_steps(torch.tensor([496, 1, 9])).tolist() == [62, 1, 2]


def test_sizes() -> None:
    """In millions of parameters; the CRNN of the DCASE 2020 baseline has 1.1."""
    sizes = {
        "crnn": network("crnn"),
        "E = 3": network("conv_transformer"),
        "E = 6": network("conv_transformer", attention_layers=6),
    }
    millions = {
        name: round(sum(p.numel() for p in model.parameters()) / 1e6, 2) for name, model in sizes.items()
    }
    assert millions["E = 6"] - millions["E = 3"] == pytest.approx(3 * 0.25, abs=0.02)
    assert millions["crnn"] == pytest.approx(1.1, abs=0.1)


@pytest.mark.parametrize("name", SETTINGS)
def test_tags_are_weighted_means_of_the_steps(name: str) -> None:
    out = network(name)(torch.randn(3, 200, 64))
    steps = out.frame_logits.sigmoid()
    tags = out.tag_logits.sigmoid()
    assert (tags >= steps.amin(1) - 1e-5).all()
    assert (tags <= steps.amax(1) + 1e-5).all()


def test_padding_has_no_say_in_tags() -> None:
    """What stands behind the clip's end reaches the tags through convolutions and attention alone."""
    model = network("conv_transformer")
    features = torch.randn(1, 160, 64)
    heard = model.convolutions.num_steps(torch.tensor([80]))
    other = features.clone()
    other[:, 120:] += 3.0
    first, second = (model(each, torch.tensor([80])) for each in (features, other))
    torch.testing.assert_close(first.tag_logits, second.tag_logits)
    torch.testing.assert_close(first.frame_logits[:, : heard.item()], second.frame_logits[:, : heard.item()])


@pytest.mark.parametrize("name", SETTINGS)
def test_a_clip_does_not_hear_the_others_of_its_batch(name: str) -> None:
    model, features = network(name), torch.randn(3, 160, 64)
    together, alone = model(features), model(features[1:2])
    torch.testing.assert_close(together.frame_logits[1], alone.frame_logits[0], atol=1e-4, rtol=1e-4)
