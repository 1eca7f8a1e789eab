"""Events of windows -> events of the recording."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sedt.decoding import SeamJoiner, deoverlap, join_windows
from sedt.events import Event, merge_overlapping
from sedt.formats import read_events

Times = list[tuple[float, float]]


def no_jitter() -> float:
    return 0.0


def cut(
    events: list[Event],
    window_s: float,
    hop_s: float,
    duration_s: float,
    jitter: Callable[[], float] = no_jitter,
) -> list[list[Event]]:
    """What a model that is right, but for `jitter` of every edge, says of each window."""
    windows: list[list[Event]] = []
    while not windows or (len(windows) - 1) * hop_s + window_s < duration_s:
        start = len(windows) * hop_s
        end = min(start + window_s, duration_s)
        inside = [e for e in events if min(e.offset, end) - max(e.onset, start) > 1e-9]
        edges = [
            tuple(min(max(edge - start + jitter(), 0.0), end - start) for edge in (e.onset, e.offset))
            for e in inside
        ]
        windows.append(
            [Event(on, off, e.label, e.score) for e, (on, off) in zip(inside, edges, strict=True) if on < off]
        )
    return windows


def times(events: list[Event]) -> Times:
    return [(round(e.onset, 6), round(e.offset, 6)) for e in events]


def events_of(*pairs: tuple[float, float], label: str = "a") -> list[Event]:
    return [Event(onset, offset, label, 0.9) for onset, offset in pairs]


@st.composite
def scenes(draw: st.DrawFn, shortest: float, longest: float, least_gap: float) -> tuple[list[Event], float]:
    """True events (by share of a window of 1 s) of two labels, and the recording's duration."""
    generator = random.Random(draw(st.integers(0, 2**32)))
    duration_s = generator.uniform(0.2, 8)
    events: list[Event] = []
    for label in ("a", "b"):
        onset = generator.uniform(0, 1)
        while True:
            # log-uniform, so that short and very long ones both occur
            length = shortest * (longest / shortest) ** generator.random()
            if onset + length > duration_s:
                break
            events.append(Event(onset, onset + length, label, generator.random()))
            onset += length + least_gap + generator.expovariate(8)
    return sorted(events, key=lambda e: (e.onset, e.offset, e.label)), duration_s


@settings(max_examples=400, deadline=None)
@given(scenes(0.003, 4.0, 0.002), st.sampled_from([0.5, 0.4, 0.25, 0.1]), st.sampled_from([1.0, 10.0]))
def test_perfect_windows_give_the_events_back(
    scene: tuple[list[Event], float], overlap: float, window_s: float
) -> None:
    # In windows of 10 s: events of 30 ms up to 4 windows, same-class neighbours 20 ms apart.
    events = [Event(e.onset * window_s, e.offset * window_s, e.label, e.score) for e in scene[0]]
    duration_s, hop_s = scene[1] * window_s, window_s * (1 - overlap)
    joined = join_windows(cut(events, window_s, hop_s, duration_s), window_s, hop_s)
    assert times(joined) == times(events)
    assert [(e.label, e.score) for e in joined] == [(e.label, e.score) for e in events]


@settings(max_examples=400, deadline=None)
@given(scenes(0.06, 4.0, 0.04), st.sampled_from([0.5, 0.3]), st.integers(0, 2**32))
def test_jittered_windows_give_the_events_back_with_no_more_jitter(
    scene: tuple[list[Event], float], overlap: float, seed: int
) -> None:
    jitter_s = 0.01  # a sixth of the shortest event, a quarter of the smallest gap
    generator = random.Random(seed)
    events, duration_s = scene
    hop_s = 1 - overlap
    windows = cut(events, 1.0, hop_s, duration_s, lambda: generator.uniform(-jitter_s, jitter_s))
    joined = join_windows(windows, 1.0, hop_s)
    for label in ("a", "b"):
        true, found = ([e for e in table if e.label == label] for table in (events, joined))
        assert len(found) == len(true)
        for a, b in zip(true, found, strict=True):
            assert a.onset == pytest.approx(b.onset, abs=jitter_s + 1e-9)
            assert a.offset == pytest.approx(b.offset, abs=jitter_s + 1e-9)


@settings(max_examples=200, deadline=None)
@given(scenes(0.05, 4.0, 0.03))
def test_windows_that_only_touch_give_the_events_back(scene: tuple[list[Event], float]) -> None:
    events, duration_s = scene
    assert times(join_windows(cut(events, 1.0, 1.0, duration_s), 1.0, 1.0)) == times(events)


def test_ten_syllables_a_second_stay_apart() -> None:
    # 80 ms sound, 20 ms silence, a minute long, in windows of 1 s
    events = events_of(*((i / 10, i / 10 + 0.08) for i in range(600)))
    generator = random.Random(0)
    windows = cut(events, 1.0, 0.5, 60.0, lambda: generator.uniform(-0.008, 0.008))
    joined = join_windows(windows, 1.0, 0.5)
    assert len(joined) == 600
    assert max(abs(a.onset - b.onset) for a, b in zip(events, joined, strict=True)) <= 0.008 + 1e-9


# windows of 10 s every 5 s; windows 0 and 1 share 5..10, the seam is at 7.5
@pytest.mark.parametrize(
    ("windows", "expected"),
    [
        pytest.param([events_of((6, 7)), []], [(6, 7)], id="only the first heard it, on its side"),
        pytest.param([events_of((8, 9)), []], [], id="only the first heard it, on the other's side"),
        pytest.param([[], events_of((1, 2))], [], id="only the second heard it, on the other's side"),
        pytest.param([[], events_of((3, 4))], [(8, 9)], id="only the second heard it, on its side"),
        pytest.param([events_of((2, 10)), []], [(2, 10)], id="half outside stays"),
        pytest.param([[], events_of((0, 10))], [(5, 15)], id="half outside, from the window's start"),
        pytest.param(
            [events_of((6.0, 8.8)), events_of((1.2, 4.0))], [(6.0, 9.0)], id="each edge from its side"
        ),
        pytest.param(
            [events_of((3, 9.98)), events_of((0, 10)), events_of((0, 6))],
            [(3, 16)],
            id="an edge near the end",
        ),
        pytest.param(
            [events_of((6, 6.5), (6.8, 7.2)), events_of((1, 2.2))],
            [(6, 6.5), (6.8, 7.2)],
            id="two or one, on the first's side",
        ),
        pytest.param(
            [events_of((8, 9.5)), events_of((3, 3.6), (3.9, 4.5))],
            [(8, 8.6), (8.9, 9.5)],
            id="one or two, on the second's side",
        ),
    ],
)
def test_whom_to_believe(windows: list[list[Event]], expected: Times) -> None:
    assert times(join_windows(windows, 10.0, 5.0)) == expected


def test_the_larger_score_stays_and_no_score_is_no_score() -> None:
    assert join_windows([[Event(6, 9, "a", 0.6)], [Event(1, 4, "a", 0.8)]], 10, 5) == [Event(6, 9, "a", 0.8)]
    assert join_windows([[Event(6, 9, "a")], [Event(1, 4, "a")]], 10, 5) == [Event(6, 9, "a")]


def test_an_event_that_ends_and_one_that_begins_in_the_other_windows_shared_part_are_two() -> None:
    # the first window says 7..10 (to its end), the second 5..6 (from its start): they contradict each other
    assert times(join_windows([events_of((7, 10)), events_of((0, 1))], 10, 5)) == []


def test_labels_do_not_meet() -> None:
    windows = [[Event(6, 7, "a", 0.9)], [Event(3, 4, "b", 0.9)]]
    assert join_windows(windows, 10, 5) == [Event(6, 7, "a", 0.9), Event(8, 9, "b", 0.9)]


ANYTHING = st.lists(
    st.lists(
        st.builds(
            lambda onset, length, label: Event(onset, min(10.0, onset + length), label, 0.5),
            st.floats(0, 9.9),
            st.floats(0.01, 10),
            st.sampled_from("ab"),
        ),
        max_size=6,
    ).map(deoverlap),
    max_size=5,
)


@settings(max_examples=400, deadline=None)
@given(ANYTHING, st.sampled_from([5.0, 7.0, 10.0]))
def test_whatever_windows_say_no_events_of_a_label_overlap(windows: list[list[Event]], hop_s: float) -> None:
    joined = join_windows(windows, 10.0, hop_s)
    assert joined == deoverlap(joined)
    assert all(e.offset <= (len(windows) - 1) * hop_s + 10.0 for e in joined)


def test_overlaps_may_stay() -> None:
    windows = [[], [Event(5.5, 7, "a", 0.9), Event(6, 7.2, "a", 0.8)], []]
    assert len(join_windows(windows, 10, 5, deoverlap=False)) == 2
    assert len(join_windows(windows, 10, 5)) == 1


def test_an_event_comes_out_once_no_later_window_can_change_it() -> None:
    joiner = SeamJoiner(10.0, 5.0)
    assert joiner.add(events_of((1, 2), (4, 5), (8, 9))) == events_of((1, 2), (4, 5))
    assert joiner.add(events_of((3, 4), (6, 7))) == events_of((8, 9))
    assert joiner.add([], last=True) == events_of((11, 12))


def test_an_event_of_an_hour_is_one_event() -> None:
    count = 719
    windows = [events_of((4, 10)), *(events_of((0, 10)) for _ in range(count - 2)), events_of((0, 3))]
    assert times(join_windows(windows, 10.0, 5.0)) == [(4, (count - 1) * 5 + 3)]


@pytest.mark.data
@pytest.mark.parametrize(("folder", "window_s"), [("office_test", 10.0), ("finch_song", 1.0)])
def test_true_events_of_real_recordings_come_back(data_folder: Path, folder: str, window_s: float) -> None:
    table = read_events(data_folder / folder / "strong.tsv")
    assert table
    for name, events in table.items():
        true = merge_overlapping(events)
        duration_s = max((e.offset for e in true), default=0.0) + 0.1
        joined = join_windows(cut(true, window_s, window_s / 2, duration_s), window_s, window_s / 2)
        assert [(*t, e.label) for t, e in zip(times(joined), joined, strict=True)] == [
            (*t, e.label) for t, e in zip(times(true), true, strict=True)
        ], name
