"""Probabilities -> events of a window."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sedt.batch import Probabilities
from sedt.decoding import Decision, candidates, decode, deoverlap
from sedt.errors import InputError
from sedt.events import Event

CLASSES = ["bell", "dog", "siren"]
WINDOW_S = 10.0


def one_clip(
    queries: list[tuple[float, float, list[float]]], tags: list[float] | None = None
) -> Probabilities:
    """A batch of one; a query is (onset, offset) in seconds and its probabilities of CLASSES."""
    edges = np.array([query[:2] for query in queries], dtype=np.float32) / WINDOW_S
    real = np.array([query[2] for query in queries], dtype=np.float32)
    return Probabilities(
        classes=np.concatenate([real, 1 - real.sum(1, keepdims=True)], axis=1)[None],
        spans=np.stack([edges.mean(1), edges[:, 1] - edges[:, 0]], axis=1)[None],
        tags=None if tags is None else np.array([tags], dtype=np.float32),
    )


def found(probabilities: Probabilities, **decision: object) -> list[tuple[float, float, str]]:
    [events] = decode(probabilities, CLASSES, Decision(**decision), WINDOW_S)  # type: ignore[arg-type]
    return [(round(e.onset, 3), round(e.offset, 3), e.label) for e in events]


def test_a_query_is_an_event_of_its_likeliest_class_with_its_probability_as_score() -> None:
    [[event]] = decode(one_clip([(1, 3, [0.1, 0.7, 0.1])]), CLASSES, Decision(), WINDOW_S)
    assert (event.onset, event.offset, event.score) == pytest.approx((1, 3, 0.7))
    assert event.label == "dog"


def test_events_come_by_onset() -> None:
    queries = [(5.0, 6.0, [0.9, 0, 0]), (1.0, 2.0, [0, 0.6, 0]), (3.0, 4.0, [0, 0, 0.8])]
    assert [label for _, _, label in found(one_clip(queries))] == ["dog", "siren", "bell"]


def test_the_threshold_itself_is_reached() -> None:
    clip = one_clip([(1, 3, [0.5, 0, 0])])
    assert found(clip, threshold=0.5)
    assert not found(clip, threshold=0.501)


def test_no_event_counts_as_no_class_though_it_is_likelier() -> None:
    # "no event" has 0.6: the class is still the likeliest real one, and 0.4 reaches a threshold of 0.3
    clip = one_clip([(1, 3, [0.4, 0, 0])])
    assert found(clip, threshold=0.3) == [(1, 3, "bell")]


def test_fusion_1_masks_untagged_classes_before_the_class_is_chosen() -> None:
    clip = one_clip([(1, 3, [0.5, 0.3, 0.1])], tags=[0.4, 0.9, 0.9])
    assert found(clip) == []
    assert found(clip, threshold=0.3) == [(1, 3, "dog")]


def test_a_tag_must_be_more_than_its_threshold() -> None:
    clip = one_clip([(1, 3, [0.9, 0, 0])], tags=[0.5, 0, 0])
    assert not found(clip)
    assert found(clip, tag_threshold=0.49)
    assert found(clip, tag_threshold={"bell": 0.2, "dog": 0.9, "siren": 0.9})


def test_a_masked_class_is_none_whatever_the_threshold() -> None:
    assert found(one_clip([(1, 3, [0.9, 0, 0])], tags=[0, 0, 0]), threshold=0.0) == []


def test_thresholds_and_lengths_per_class() -> None:
    queries = [(0.0, 1.0, [0.6, 0, 0]), (2.0, 3.0, [0, 0.6, 0]), (4.0, 4.1, [0, 0, 0.6])]
    per_class = {"bell": 0.7, "dog": 0.5, "siren": 0.5}
    assert found(one_clip(queries), threshold=per_class, min_length_s=0.05) == [
        (2, 3, "dog"),
        (4, 4.1, "siren"),
    ]
    lengths = {"bell": 2.0, "dog": 0.5, "siren": 0.0}
    assert found(one_clip(queries), min_length_s=lengths) == [(2, 3, "dog"), (4, 4.1, "siren")]


@pytest.mark.parametrize("length_s", [0.2, 0.3, 0.7])
def test_an_event_of_the_smallest_length_stays(length_s: float) -> None:
    # 0.02 as float32 times 10 is 0.19999999
    assert found(one_clip([(1, 1 + length_s, [0.9, 0, 0])]), min_length_s=length_s)
    assert not found(one_clip([(1, 1 + length_s - 0.01, [0.9, 0, 0])]), min_length_s=length_s)


@pytest.mark.parametrize("name", ["threshold", "tag_threshold", "min_length_s"])
def test_a_setting_per_class_names_every_class_and_no_other(name: str) -> None:
    clip = one_clip([(1, 3, [0.9, 0, 0])], tags=[1, 1, 1])
    with pytest.raises(InputError, match=f"{name}: no value for class 'siren'"):
        found(clip, **{name: {"bell": 0.5, "dog": 0.5}})
    with pytest.raises(InputError, match=f"{name}: unknown class 'cat'"):
        found(clip, **{name: {"bell": 0.5, "dog": 0.5, "siren": 0.5, "cat": 0.5}})


def test_labels_are_as_many_as_the_models_classes() -> None:
    clip = one_clip([(1, 3, [0.1, 0.7, 0.1])], tags=[1, 1, 1])
    for labels in (CLASSES[:1], [*CLASSES, "horn", "saw"]):
        for make in (
            lambda labels: decode(clip, labels, Decision(), WINDOW_S),
            lambda labels: candidates(clip, labels, WINDOW_S),
        ):
            with pytest.raises(InputError, match=f"{len(labels)} labels for a model of 4 outputs"):
                make(labels)
    with pytest.raises(InputError, match="4 labels for a model of 3 tags"):
        decode(clip, [*CLASSES, "horn"], Decision(), WINDOW_S)


def test_events_are_clipped_to_the_window_and_to_the_clip() -> None:
    queries = [(-1.0, 2.0, [0.9, 0, 0]), (7.0, 12.0, [0, 0.9, 0]), (4.0, 6.5, [0, 0, 0.9])]
    assert found(one_clip(queries)) == [(0, 2, "bell"), (4, 6.5, "siren"), (7, 10, "dog")]
    [events] = decode(one_clip(queries), CLASSES, Decision(), WINDOW_S, [6.0])
    assert [(round(e.onset, 3), round(e.offset, 3)) for e in events] == [(0, 2), (4, 6)]


def test_what_is_left_after_clipping_must_have_the_smallest_length() -> None:
    assert found(one_clip([(9.9, 10.9, [0.9, 0, 0])])) == []


def test_of_overlapping_events_of_a_class_the_higher_score_stays() -> None:
    queries = [(0.0, 2.0, [0.7, 0, 0]), (1.0, 3.0, [0.9, 0, 0]), (2.5, 4.0, [0.8, 0, 0]), (1, 3, [0, 0.6, 0])]
    # 0.9 beats both of its neighbours
    assert found(one_clip(queries)) == [(1, 3, "bell"), (1, 3, "dog")]
    assert len(found(one_clip(queries), deoverlap=False)) == 4


def test_a_model_without_queries_has_no_events() -> None:
    nothing = np.zeros((2, 0, 1), dtype=np.float32)
    probabilities = Probabilities(nothing, np.zeros((2, 0, 2), np.float32), np.ones((2, 3), np.float32))
    empty = Probabilities(np.zeros((2, 0, 4), np.float32), probabilities.spans, probabilities.tags)
    assert decode(empty, CLASSES, Decision(), WINDOW_S) == [[], []]


@given(st.integers(0, 2**32 - 1), st.floats(0, 1), st.floats(0, 3))
def test_a_batch_is_its_clips_and_every_event_keeps_the_rules(
    seed: int, threshold: float, least: float
) -> None:
    generator = np.random.default_rng(seed)
    logits = generator.normal(0, 3, (3, 12, 4))
    probabilities = Probabilities(
        classes=(np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)).astype(np.float32),
        spans=generator.uniform(0, 1, (3, 12, 2)).astype(np.float32),
        tags=generator.uniform(0, 1, (3, 3)).astype(np.float32),
    )
    lengths = [10.0, 4.0, 0.5]
    decision = Decision(threshold=threshold, min_length_s=least)
    batch = decode(probabilities, CLASSES, decision, WINDOW_S, lengths)
    for i, events in enumerate(batch):
        alone = Probabilities(
            probabilities.classes[i : i + 1],
            probabilities.spans[i : i + 1],
            None if probabilities.tags is None else probabilities.tags[i : i + 1],
        )
        assert [events] == decode(alone, CLASSES, decision, WINDOW_S, lengths[i : i + 1])
        for event in events:
            assert 0 <= event.onset < event.offset <= lengths[i]
            assert event.duration >= least - 2e-6
            assert event.score is not None
            assert event.score >= threshold
            others = [e for e in events if e.label == event.label and e is not event]
            assert all(e.offset <= event.onset or event.offset <= e.onset for e in others)


def _by_hand(events: list[Event]) -> set[Event]:
    """De-overlap as the paper says it: again and again drop the lower score of a pair that overlaps."""
    left = sorted(events, key=lambda e: -(e.score or 0))
    kept: list[Event] = []
    while left:
        best = left.pop(0)
        kept.append(best)
        left = [e for e in left if e.label != best.label or e.offset <= best.onset or best.offset <= e.onset]
    return set(kept)


EVENTS = st.builds(
    lambda onset, length, label, score: Event(onset, onset + length, label, score),
    st.integers(0, 20).map(float),
    st.integers(1, 8).map(float),
    st.sampled_from(["a", "b"]),
    st.floats(0, 1),
)


@given(st.lists(EVENTS, max_size=8, unique_by=lambda e: e.score))
def test_deoverlap_by_brute_force(events: list[Event]) -> None:
    kept = deoverlap(events)
    assert set(kept) == _by_hand(events)
    assert kept == sorted(kept, key=lambda e: (e.onset, e.offset, e.label))


def test_decoding_needs_no_torch() -> None:
    code = "import sys, sedt.decoding; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


TWO = [(1.0, 3.0, [0.4, 0.1, 0.2]), (5.0, 8.0, [0.3, 0.2, 0.1])]


def test_fusion_2_raises_the_best_query_of_every_class_and_then_masks() -> None:
    # bell's best query is the first, dog's the second (0.2 -> 0.5, now its likeliest class).
    assert found(one_clip(TWO, tags=[0.9, 0.9, 0.1]), fusion=2) == [(1, 3, "bell"), (5, 8, "dog")]
    assert found(one_clip(TWO, tags=[0.9, 0.1, 0.1]), fusion=2) == [(1, 3, "bell")]
    assert found(one_clip(TWO, tags=[0.9, 0.9, 0.1]), fusion=1) == []


def test_fusion_3_raises_tagged_classes_alone_and_masks_none() -> None:
    assert found(one_clip(TWO, tags=[0.1, 0.9, 0.1]), fusion=3) == [(5, 8, "dog")]
    sure = [*TWO, (2.0, 4.0, [0.1, 0.1, 0.8])]
    assert found(one_clip(sure, tags=[0.1, 0.9, 0.1]), fusion=3) == [(2, 4, "siren"), (5, 8, "dog")]
    assert found(one_clip(sure, tags=[0.1, 0.9, 0.1]), fusion=2) == [(5, 8, "dog")]


@pytest.mark.parametrize("fusion", [2, 3])
def test_fusion_raises_to_the_threshold_of_the_class(fusion: int) -> None:
    high = {"bell": 0.6, "dog": 0.9, "siren": 0.9}
    [[event]] = decode(
        one_clip(TWO[:1], tags=[0.9, 0.1, 0.1]), CLASSES, Decision(fusion=fusion, threshold=high), WINDOW_S
    )
    assert (event.label, event.score) == ("bell", pytest.approx(0.6))
    sure = one_clip([(1, 3, [0.7, 0.1, 0.1])], tags=[0.9, 0.1, 0.1])
    [[event]] = decode(sure, CLASSES, Decision(fusion=fusion), WINDOW_S)
    assert event.score == pytest.approx(0.7)  # what is higher stays


@pytest.mark.parametrize("fusion", [2, 3])
def test_without_tags_every_fusion_is_the_same(fusion: int) -> None:
    assert found(one_clip(TWO), fusion=fusion, threshold=0.3) == found(one_clip(TWO), threshold=0.3)


def test_candidates_are_all_classes_of_all_queries_with_the_score_of_psds() -> None:
    clip = one_clip([(1, 3, [0.5, 0.3, 0.001]), (9, 10, [0.02, 0, 0])], tags=[0.4, 0.8, 0.9])
    [events] = candidates(clip, CLASSES, WINDOW_S)
    scores = {(round(e.onset, 3), round(e.offset, 3), e.label): e.score for e in events}
    assert scores == {
        (1, 3, "bell"): pytest.approx(0.2),
        (1, 3, "dog"): pytest.approx(0.24),
    }  # the second query's bell has 0.008, the first one's siren 0.0009
    [untagged] = candidates(one_clip([(9, 10, [0.02, 0, 0])]), CLASSES, WINDOW_S, lengths_s=[9.5])
    assert [(e.onset, e.offset) for e in untagged] == [(pytest.approx(9), 9.5)]
    assert candidates(one_clip([(9.6, 10, [0.9, 0, 0])]), CLASSES, WINDOW_S, lengths_s=[9.5]) == [[]]
