"""Line charts as inline SVG: axes with units, light and dark by the style sheet, values under the pointer."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal, NamedTuple

MOST_POINTS = 300
"""Of a line; of longer ones so many are drawn, evenly spread."""

Style = Literal["plain", "bold", "dashed", "steps", "bold steps", "dashed steps"]


class Mark(NamedTuple):
    """A vertical line with words at it."""

    x: float
    text: str


@dataclass(frozen=True)
class Line:
    """Points from left to right."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    colour: int | None = None
    """Place in the palette; None: grey."""
    style: Style = "plain"


@dataclass(frozen=True)
class Chart:
    """What is drawn. A range that is None follows from the lines."""

    lines: Sequence[Line]
    title: str = ""
    x_label: str = ""
    y_label: str = ""
    x_range: tuple[float, float] | None = None
    y_range: tuple[float, float] | None = None
    marks: Sequence[Mark] = ()
    whole_x: bool = False
    """Ticks of x are whole numbers."""
    size: tuple[int, int] = (340, 210)
    legend: bool = True


class _Frame(NamedTuple):
    """Where the axes lie, in pixels, and what they mean."""

    left: float
    top: float
    right: float
    bottom: float
    x: tuple[float, float]
    y: tuple[float, float]

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Pixels of a point; what lies outside is drawn at the edge."""
        share_x = (x - self.x[0]) / (self.x[1] - self.x[0])
        share_y = (y - self.y[0]) / (self.y[1] - self.y[0])
        share_x, share_y = min(1.0, max(0.0, share_x)), min(1.0, max(0.0, share_y))
        return self.left + share_x * (self.right - self.left), self.bottom - share_y * (
            self.bottom - self.top
        )


def chart_html(chart: Chart) -> str:
    """A figure with title, drawing and legend. Lines without a point are left out."""
    lines = [_thinned(line) for line in chart.lines if len(line.x)]
    frame = _frame(chart, lines)
    drawn = "".join(_path(line, frame) for line in lines)
    marks = "".join(_mark(mark, frame) for mark in chart.marks)
    width, height = chart.size
    title = f"<figcaption>{escape(chart.title)}</figcaption>" if chart.title else ""
    return (
        f'<figure class="sedt-chart">{title}'
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(chart.title or chart.y_label)}" '
        f'data-chart="{escape(_data(chart, lines, frame))}">'
        f"{_axes(chart, frame)}{marks}{drawn}"
        f'<line class="hair" y1="{frame.top:g}" y2="{frame.bottom:g}" visibility="hidden"/></svg>'
        f"{_legend(lines) if chart.legend and len(lines) > 1 else ''}</figure>"
    )


def nice_ticks(low: float, high: float, about: int, *, whole: bool = False) -> list[float]:
    """Round numbers from `low` to `high`, around `about` of them."""
    rough = (high - low) / max(1, about)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
    if whole:
        step = max(1.0, round(step))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [number * step for number in range(first, last + 1)]


def number(value: float) -> str:
    """As short as an axis wants it: 0.25, 40, 2e-4."""
    if value and not 1e-3 <= abs(value) < 1e5:
        mantissa, _, power = f"{value:.2e}".partition("e")
        return f"{float(mantissa):g}e{int(power)}"
    return f"{value:.4g}"


def _frame(chart: Chart, lines: Sequence[Line]) -> _Frame:
    width, height = chart.size
    xs = [x for line in lines for x in line.x] + [mark.x for mark in chart.marks]
    ys = [y for line in lines for y in line.y]
    x_range = chart.x_range or _range(xs)
    y_range = chart.y_range or (min([0.0, *ys]), max(ys, default=1.0) * 1.06 or 1.0)
    return _Frame(52, 12, width - 10, height - 34, _wide(x_range), _wide(y_range))


def _range(values: Sequence[float]) -> tuple[float, float]:
    return (min(values), max(values)) if values else (0.0, 1.0)


def _wide(limits: tuple[float, float]) -> tuple[float, float]:
    """Not of no width."""
    return limits if limits[1] > limits[0] else (limits[0] - 0.5, limits[0] + 0.5)


def _axes(chart: Chart, frame: _Frame) -> str:
    parts = []
    for y in nice_ticks(*frame.y, about=max(2, int((frame.bottom - frame.top) // 36))):
        _, place = frame.at(frame.x[0], y)
        parts.append(
            f'<line class="grid" x1="{frame.left}" x2="{frame.right}" y1="{place:.1f}" y2="{place:.1f}"/>'
        )
        parts.append(f'<text class="y" x="{frame.left - 5}" y="{place + 3.5:.1f}">{number(y)}</text>')
    about = max(2, int((frame.right - frame.left) // 52))
    for x in nice_ticks(*frame.x, about=about, whole=chart.whole_x):
        place, _ = frame.at(x, frame.y[0])
        parts.append(f'<text class="x" x="{place:.1f}" y="{frame.bottom + 14}">{number(x)}</text>')
    middle_x, middle_y = (frame.left + frame.right) / 2, (frame.top + frame.bottom) / 2
    parts.append(
        f'<line class="axis" x1="{frame.left}" x2="{frame.right}" y1="{frame.bottom}" y2="{frame.bottom}"/>'
        f'<text class="x name" x="{middle_x:.1f}" y="{frame.bottom + 29}">{escape(chart.x_label)}</text>'
        f'<text class="x name" transform="translate(8 {middle_y:.1f}) rotate(-90)">'
        f"{escape(chart.y_label)}</text>"
    )
    return "".join(parts)


def _path(line: Line, frame: _Frame) -> str:
    points = [frame.at(x, y) for x, y in zip(line.x, line.y, strict=True)]
    if len(points) == 1:
        (x, y), kind = points[0], _classes(line, dot=True)
        return f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="3"/>'
    shape = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    for x, y in points[1:]:
        shape += f"H{x:.1f}V{y:.1f}" if line.style.endswith("steps") else f"L{x:.1f} {y:.1f}"
    if line.style.endswith("steps"):
        shape += f"H{frame.right:.1f}"
    return f'<path class="{_classes(line)}" d="{shape}"/>'


def _classes(line: Line, *, dot: bool = False) -> str:
    colour = "grey" if line.colour is None else f"k{line.colour}"
    return f"{'dot' if dot else 'line'} {line.style} {colour}"


def _mark(mark: Mark, frame: _Frame) -> str:
    place, _ = frame.at(mark.x, frame.y[0])
    on_left = place > (frame.left + frame.right) / 2
    side, shift = ("end", -4) if on_left else ("start", 4)
    return (
        f'<line class="mark" x1="{place:.1f}" x2="{place:.1f}" y1="{frame.top}" y2="{frame.bottom}"/>'
        f'<text class="mark" text-anchor="{side}" x="{place + shift:.1f}" y="{frame.top + 8}">'
        f"{escape(mark.text)}</text>"
    )


def _legend(lines: Sequence[Line]) -> str:
    items = (
        f'<li class="{_classes(line)}" data-line="{number}">{escape(line.name)}</li>'
        for number, line in enumerate(lines)
    )
    return f'<ul class="sedt-legend">{"".join(items)}</ul>'


def _thinned(line: Line) -> Line:
    if len(line.x) <= MOST_POINTS:
        return line
    kept = [round(i * (len(line.x) - 1) / (MOST_POINTS - 1)) for i in range(MOST_POINTS)]
    return Line(line.name, [line.x[i] for i in kept], [line.y[i] for i in kept], line.colour, line.style)


def _data(chart: Chart, lines: Sequence[Line], frame: _Frame) -> str:
    """What the pointer asks for."""
    held = [
        {
            "name": line.name,
            "colour": line.colour,
            "steps": line.style.endswith("steps"),
            "x": [float(f"{x:.5g}") for x in line.x],
            "y": [float(f"{y:.4g}") for y in line.y],
        }
        for line in lines
    ]
    return json.dumps({"frame": frame._asdict(), "x": chart.x_label, "lines": held}, separators=(",", ":"))
