"""Events of one label that overlap."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sedt.decoding.overlaps import separate
from sedt.events import Event


def test_two_that_share_half_of_the_shorter_are_one() -> None:
    assert separate([Event(0, 4, "a", 0.6), Event(3, 5, "a", 0.9)]) == [Event(0, 5, "a", 0.9)]


def test_two_that_share_less_are_cut_in_the_middle() -> None:
    assert separate([Event(0, 4, "a", 0.6), Event(3, 7, "a", 0.9)]) == [
        Event(0, 3.5, "a", 0.6),
        Event(3.5, 7, "a", 0.9),
    ]


def test_labels_do_not_meet_and_touching_is_no_overlap() -> None:
    events = [Event(0, 4, "a"), Event(1, 4, "b"), Event(4, 6, "a")]
    assert separate(events) == events


@given(
    st.lists(
        st.builds(
            lambda onset, length, label: Event(onset, onset + length, label, 0.5),
            st.floats(0, 20),
            st.floats(0.01, 10),
            st.sampled_from("ab"),
        ),
        max_size=12,
    )
)
def test_nothing_overlaps_afterwards_and_nothing_new_sounds(events: list[Event]) -> None:
    result = separate(events)
    for i, event in enumerate(result):
        for other in result[:i]:
            assert other.label != event.label or other.offset <= event.onset or event.offset <= other.onset
        assert any(e.label == event.label and e.onset <= event.onset < e.offset for e in events)
        assert any(e.label == event.label and e.onset < event.offset <= e.offset for e in events)
    assert separate(result) == result
