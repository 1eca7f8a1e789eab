"""Queries that look from stretches of time (`model.query_place = "anchor"`)."""

from __future__ import annotations

import pytest
import torch
from small import small_sedt

from sedt.models.positions import sine_positions
from sedt.models.sedt import spread_anchors


def codes_asked_for(
    model: torch.nn.Module, features: torch.Tensor
) -> tuple[list[torch.Tensor], torch.Tensor]:
    """What every decoder layer's places are made of (queries, 3, size), audio query first; and all spans."""
    seen: list[torch.Tensor] = []
    hook = model.trunk.anchor_code.register_forward_hook(
        lambda module, inputs, output: seen.append(inputs[0])
    )
    spans = model(features).spans
    hook.remove()
    return [codes[0].unflatten(-1, (3, -1)) for codes in seen], spans


def test_a_place_is_the_time_code_of_onset_centre_and_offset() -> None:
    """Step k of 1..T lies around (k - 0.5) / T, so an anchor between middles of steps has their codes."""
    model, steps = small_sedt(query_place="anchor"), 13
    anchor = torch.tensor([[(4 + 0.5) / steps, 4 / steps]])  # from the middle of step 3 to that of step 7
    assert model.anchors is not None
    model.anchors.weight.data[:] = anchor.logit()
    layers, _ = codes_asked_for(model, torch.randn(1, 200, 64))
    wanted = sine_positions(steps, 32)[[2, 4, 6]]
    torch.testing.assert_close(layers[0][1], wanted, rtol=1e-4, atol=1e-4)


def test_every_decoder_layer_looks_from_what_the_one_before_has_found() -> None:
    model = small_sedt(query_place="anchor")
    features = torch.randn(1, 200, 64)
    layers, spans = codes_asked_for(model, features)
    assert model.anchors is not None
    for layer in range(2):
        model.anchors.weight.data[1:] = spans[layer, 0].detach().logit()
        as_anchors, _ = codes_asked_for(model, features)
        torch.testing.assert_close(layers[layer + 1][1:], as_anchors[0][1:], rtol=1e-3, atol=1e-3)
    assert not torch.allclose(layers[0][1:], layers[1][1:], atol=0.1)


def test_what_a_query_finds_depends_on_its_anchor() -> None:
    model = small_sedt(query_place="anchor")
    torch.nn.init.zeros_(model.event_queries.weight)
    logits = model(torch.randn(1, 200, 64)).class_logits[-1, 0]
    assert torch.pdist(logits).min() > 1e-4


def test_queries_begin_spread_over_the_window() -> None:
    anchors = spread_anchors(5)
    assert anchors.shape == (6, 2)
    assert anchors[1:, 0].tolist() == pytest.approx([0.1, 0.3, 0.5, 0.7, 0.9])
    model = small_sedt(query_place="anchor")
    assert model.anchors is not None
    torch.testing.assert_close(model.anchors.weight.sigmoid(), spread_anchors(6))
    assert model.anchors.weight.requires_grad
