"""Features of patches: what they are the mean of, and that they don't tell where the patch lies."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from sedt.models.backbone import Backbone
from sedt.models.patches import crop_features, frames_of, pooled_features

FRAMES = 496


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    torch.manual_seed(0)
    body = Backbone("resnet10t", "random")
    body.freeze()
    return body


def span(start: int, length: int) -> list[float]:
    """Of whole frames."""
    return [(start + length / 2) / FRAMES, length / FRAMES]


@pytest.mark.parametrize("resize_to", [128, 48, None])
def test_a_feature_does_not_depend_on_where_the_patch_lies(backbone: Backbone, resize_to: int | None) -> None:
    sound, length = torch.randn(100, 64), 100
    places = [0, 37, FRAMES - length]
    clips = torch.randn(3, FRAMES, 64)
    for clip, start in zip(clips, places, strict=True):
        clip[start : start + length] = sound
    patches = torch.tensor([[span(start, length)] for start in places])
    features = crop_features(backbone, clips, patches, resize_to)
    torch.testing.assert_close(features[0], features[1])
    torch.testing.assert_close(features[0], features[2])
    other = crop_features(backbone, clips, patches + torch.tensor([0.1, 0.0]), resize_to)
    assert not torch.allclose(features[0], other[0], rtol=0.01)


def test_lengths_in_frames_do_not_depend_on_the_place() -> None:
    centres = torch.linspace(0.2, 0.8, 601)
    spans = torch.stack([centres, torch.full_like(centres, 0.3)], dim=1)
    start, length = frames_of(spans, FRAMES)
    assert length.unique().tolist() == [149]
    edges = (centres - 0.15) * FRAMES
    assert (start - edges).abs().max() <= 0.5 + 1e-3


@pytest.mark.parametrize(("onset", "share"), [(0.0, 1.0), (0.95, 0.05), (0.5, 0.0), (-0.01, 0.3), (0.9, 0.2)])
def test_frames_lie_inside_the_clip(onset: float, share: float) -> None:
    start, length = frames_of(torch.tensor([onset + share / 2, share]), FRAMES)
    assert 1 <= int(length) <= FRAMES
    assert 0 <= int(start) <= FRAMES - int(length)


def test_crops_are_resized_as_torch_does(backbone: Backbone) -> None:
    clips = torch.randn(2, FRAMES, 64)
    patches = torch.tensor([[span(0, 25), span(100, 300)], [span(400, 96), span(17, 128)]])
    found = crop_features(backbone, clips, patches, 128)
    for clip, patch in ((0, 0), (0, 1), (1, 0), (1, 1)):
        start, length = frames_of(patches[clip, patch], FRAMES)
        stretch = clips[clip, start : start + length]
        resized = F.interpolate(stretch.T[None], size=128, mode="linear", align_corners=False)[0].T
        wanted = backbone(resized[None]).mean(dim=(2, 3))[0]
        torch.testing.assert_close(found[clip, patch], wanted, rtol=1e-4, atol=1e-5)


def test_own_length_is_the_plain_stretch(backbone: Backbone) -> None:
    """In whole map steps: a patch of 48 frames goes through the backbone as it is, one of 50 as 48."""
    clips = torch.randn(2, FRAMES, 64)
    patches = torch.tensor([[span(32, 48), span(100, 50)], [span(300, 160), span(17, 3)]])
    found = crop_features(backbone, clips, patches, None)
    torch.testing.assert_close(
        found[0, 0], backbone(clips[:1, 32:80]).mean(dim=(2, 3))[0], rtol=1e-4, atol=1e-5
    )
    whole = backbone(clips[1:, 300:460]).mean(dim=(2, 3))[0]
    torch.testing.assert_close(found[1, 0], whole, rtol=1e-4, atol=1e-5)
    shrunk = F.interpolate(clips[0, 100:150].T[None], size=48, mode="linear")[0].T
    torch.testing.assert_close(found[0, 1], backbone(shrunk[None]).mean(dim=(2, 3))[0], rtol=1e-4, atol=1e-5)
    assert torch.isfinite(found).all()


def test_pooled_is_the_mean_over_the_stretch() -> None:
    """Against a brute force that cuts each step into a thousand pieces."""
    torch.manual_seed(0)
    feature_map = torch.randn(2, 5, 31, 4)
    patches = torch.tensor([[[0.5, 1.0], [0.3, 0.2]], [[0.9, 0.2], [0.512, 0.004]]])
    found = pooled_features(feature_map, patches)
    fine = feature_map.mean(dim=3).repeat_interleave(1000, dim=2)
    for clip in range(2):
        for number, (centre, length) in enumerate(patches[clip].tolist()):
            first, stop = round((centre - length / 2) * 31_000), round((centre + length / 2) * 31_000)
            wanted = fine[clip, :, first:stop].mean(dim=1)
            torch.testing.assert_close(found[clip, number], wanted, rtol=1e-2, atol=2e-3)
    torch.testing.assert_close(found[0, 0], feature_map[0].mean(dim=(1, 2)))


def test_a_patch_of_no_length_is_finite() -> None:
    features = pooled_features(torch.randn(1, 5, 31, 4), torch.zeros(1, 2, 2))
    assert torch.isfinite(features).all()
