"""Edges that are read off the map (`model.edges = "pointed"`)."""

from __future__ import annotations

import pytest
import torch
from small import small_sedt

from sedt.models.edges import EdgePointer
from sedt.models.trunk import Edges
from sedt.spans import edges_to_spans, spans_to_edges

SIZE, STEPS = 8, 50


@pytest.fixture
def pointer() -> EdgePointer:
    torch.manual_seed(0)
    return EdgePointer(SIZE)


def found(pointer: EdgePointer, tokens: torch.Tensor, *edges: tuple[float, float]) -> torch.Tensor:
    """Where edges, in steps, come to lie, in steps."""
    spans = edges_to_spans(torch.tensor([edges]) / STEPS)
    content = torch.ones(1, len(edges), SIZE)
    return spans_to_edges(pointer(content, spans, pointer.boundaries(tokens, STEPS)))[0] * STEPS


def test_before_training_edges_stay_where_they_were_guessed(pointer: EdgePointer) -> None:
    guesses = [(0.0, 50.0), (0.3, 0.9), (20.4, 31.6), (49.0, 50.0)]
    edges = found(pointer, torch.randn(1, STEPS * 4, SIZE), *guesses)
    torch.testing.assert_close(edges, torch.tensor(guesses), rtol=0, atol=0.02)


def hearing_steps(pointer: EdgePointer) -> torch.Tensor:
    """Channel 0 sounds in steps 20 to 29; onsets point at its rise, offsets at its fall."""
    torch.nn.init.zeros_(pointer.heard.weight)
    torch.nn.init.zeros_(pointer.heard.bias)
    with torch.no_grad():
        pointer.heard.weight[0, 0] = torch.tensor([-1.0, 1.0])
        pointer.heard.weight[SIZE, 0] = torch.tensor([1.0, -1.0])
        pointer.sought.weight[[0, SIZE]] = 3.5
    tokens = torch.zeros(1, STEPS, 2, SIZE)
    tokens[:, 20:30, :, 0] = 1
    return tokens.flatten(1, 2)


def test_edges_are_drawn_to_where_the_sound_begins_and_ends(pointer: EdgePointer) -> None:
    tokens = hearing_steps(pointer)
    edges = found(pointer, tokens, (17.2, 33.0), (22.0, 28.0), (20.0, 30.0))
    torch.testing.assert_close(edges, torch.tensor([[20.0, 30.0]] * 3), rtol=0, atol=0.05)


def test_a_sound_that_is_far_away_draws_little(pointer: EdgePointer) -> None:
    tokens = hearing_steps(pointer)
    guess = (0.5, 3.0)
    torch.testing.assert_close(found(pointer, tokens, guess), torch.tensor([guess]), rtol=0, atol=0.3)


def test_a_span_never_ends_before_it_begins(pointer: EdgePointer) -> None:
    """Its guess is so short that each edge is drawn past the other."""
    with torch.no_grad():
        tokens = hearing_steps(pointer)
        swapped = torch.cat([pointer.heard.weight[SIZE:], pointer.heard.weight[:SIZE]])
        pointer.heard.weight.copy_(swapped)  # onsets now point at step 30, offsets at 20
        edges = found(pointer, tokens, (24.9, 25.1))
    torch.testing.assert_close(edges, torch.tensor([[20.0, 30.0]]), rtol=0, atol=0.05)


def test_what_is_wrong_with_edges_is_learned_by_map_and_query(pointer: EdgePointer) -> None:
    torch.nn.init.normal_(pointer.sought.weight)
    tokens = torch.randn(1, STEPS * 2, SIZE, requires_grad=True)
    found(pointer, tokens, (10.0, 20.0)).sum().backward()
    assert tokens.grad is not None
    near = tokens.grad.view(STEPS, 2, SIZE).abs().sum((1, 2))
    assert near[9:11].min() > 1e-4
    assert near[40:].max() < 1e-4 * near.max()
    for parameter in pointer.parameters():
        assert parameter.grad is not None
        assert parameter.grad.abs().max() > 0


@pytest.mark.parametrize("edges", ["regressed", "pointed"])
def test_all_layers_give_spans_in_the_window(edges: Edges) -> None:
    model = small_sedt(edges=edges, query_place="anchor")
    assert (model.trunk.edge_pointer is None) is (edges == "regressed")
    features = torch.randn(2, 200, 64)
    spans = model(features).spans
    assert spans.shape == (3, 2, 6, 2)
    assert spans_to_edges(spans).min() >= -1e-6
    assert edges == "regressed" or spans_to_edges(spans).max() <= 1 + 1e-6
    torch.testing.assert_close(model(features[:1]).spans, spans[:, :1], rtol=1e-4, atol=1e-4)


def test_nothing_is_heard_behind_the_end_of_a_clip() -> None:
    """Spans depend on what is before the end alone, and it is as if the window ended there."""
    model = small_sedt(edges="pointed", query_place="anchor")
    pointer = model.trunk.edge_pointer
    assert pointer is not None
    torch.nn.init.normal_(pointer.sought.weight)
    features = torch.randn(2, 200, 64)
    features[1, :96] = features[0, :96]  # the rest is another
    told = model.trunk.tokens_of(model.trunk.backbone(features), torch.tensor([96, 96]))
    encoded = torch.randn(1, 96 // 16 * 4, model.trunk.size).repeat(2, 1, 1)
    behind = torch.randn(2, told.content.shape[1] - encoded.shape[1], model.trunk.size)
    whole = torch.cat([encoded, behind], dim=1)
    first, second = pointer.boundaries(whole, told.num_steps, told.padding)
    assert torch.equal(first, second)
    short = pointer.boundaries(encoded[:1], 96 // 16)[0]
    torch.testing.assert_close(first[:, : short.shape[1]], short)
    assert not first[:, short.shape[1] :].any()


def test_a_pointer_before_training_changes_nothing() -> None:
    features = torch.randn(1, 200, 64)
    plain = small_sedt(query_place="anchor")
    pointed = small_sedt(query_place="anchor", edges="pointed")
    pointed.load_state_dict(plain.state_dict(), strict=False)
    torch.testing.assert_close(
        spans_to_edges(pointed(features).spans),
        spans_to_edges(plain(features).spans).clamp(0, 1),
        rtol=0,
        atol=1e-3,
    )
