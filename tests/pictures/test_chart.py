"""Charts: ticks are round, points lie where they belong."""

from __future__ import annotations

import json
import re
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sedt.pictures.chart import MOST_POINTS, Chart, Line, Mark, chart_html, nice_ticks, number


@given(st.floats(-1e4, 1e4), st.floats(1e-3, 1e4), st.integers(2, 8))
def test_ticks_are_round_and_inside(low: float, width: float, about: int) -> None:
    high = low + width
    ticks = nice_ticks(low, high, about)
    assert len(ticks) <= about + 1
    step = (high - low) / about
    assert all(low - 0.01 * step <= tick <= high + 0.01 * step for tick in ticks)
    if len(ticks) > 1:
        digits = f"{ticks[1] - ticks[0]:.3e}".split("e")[0]
        assert float(digits) in (1, 2, 5)


def test_whole_ticks() -> None:
    assert nice_ticks(1, 4, 10, whole=True) == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (0.25, "0.25"), (40, "40"), (2e-4, "2e-4"), (1e6, "1e6"), (-0.5, "-0.5")]
)
def test_numbers_are_short(value: float, text: str) -> None:
    assert number(value) == text


def corners(html: str) -> list[tuple[float, float]]:
    """Points of the first path."""
    shape = re.search(r'<path class="line[^"]*" d="([^"]+)"', html)
    assert shape is not None
    return [(float(x), float(y)) for x, y in re.findall(r"[ML]([\d.]+) ([\d.]+)", shape[1])]


def test_a_line_goes_from_corner_to_corner() -> None:
    html = chart_html(Chart([Line("a", [0, 10], [0, 50])], x_range=(0, 10), y_range=(0, 50), size=(200, 100)))
    frame = json.loads(unescape(re.search(r'data-chart="([^"]+)"', html)[1]))["frame"]  # type: ignore[index]
    assert corners(html) == [(frame["left"], frame["bottom"]), (frame["right"], frame["top"])]


def test_what_lies_outside_is_drawn_at_the_edge() -> None:
    html = chart_html(Chart([Line("a", [0, 1], [0, 9])], x_range=(0, 1), y_range=(0, 3)))
    assert corners(html)[1][1] == 12


def test_many_points_are_thinned_and_the_ends_kept() -> None:
    html = chart_html(Chart([Line("a", range(5000), range(5000))], x_range=(0, 4999), y_range=(0, 4999)))
    points = corners(html)
    assert len(points) == MOST_POINTS
    assert points[0][1] > points[-1][1] == 12


@pytest.mark.parametrize("points", [None, ([], []), ([1], [2.0]), ([1, 2], [0, 0])])
def test_little_to_draw(points: tuple[list[float], list[float]] | None) -> None:
    html = chart_html(Chart([] if points is None else [Line("a", *points)], "nothing"))
    assert html.count("<path") + html.count("<circle") == bool(points and points[0])
    assert "nan" not in html.lower()


def test_words_are_escaped() -> None:
    lines = [Line("<i>", [0, 1], [0, 1]), Line("b", [0], [0])]
    html = chart_html(Chart(lines, "<t>", "<x>", "<y>", marks=[Mark(0, "<m>")]))
    assert not re.search(r"<(i|t|x|y|m)>", html)
