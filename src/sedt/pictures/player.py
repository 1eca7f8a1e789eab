"""A stretch of a recording as HTML: player, spectrogram, a lane per class; events play when clicked."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from html import escape

import numpy as np
from numpy.typing import NDArray

from sedt.events import Event
from sedt.pictures.colours import colour_index
from sedt.pictures.sound import sound_uri
from sedt.pictures.spectrogram import place_of_hz, spectrogram_uri

PIXELS_PER_S = 14
"""A stretch that would be narrower than this scrolls."""

WIDE_S = 60.0
"""Up to here the whole stretch is in view."""

COLUMNS_PER_S = 20
"""Of the spectrogram of a long stretch."""

_TICKS_HZ = (500, 1000, 2000, 4000, 8000, 16_000)
_STEPS_S = (0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300, 600, 1800, 3600)


@dataclass(frozen=True)
class Stretch:
    """What a player shows. Times of events are those of the recording."""

    samples: NDArray[np.float32] | None
    """(samples,) of the stretch, mono; None: there is nothing to hear."""
    sample_rate: int
    start_s: float
    duration_s: float
    found: Sequence[Event]
    true: Sequence[Event] | None = None
    """None: nobody has said."""
    wrong: Collection[Event] = field(default_factory=frozenset)
    """Events of either that are marked as errors."""
    labels: Sequence[str] = ()
    """Order of classes, for their colours; those that are not named follow."""


def player_html(stretch: Stretch, title: str = "", note: str = "") -> str:
    """The player; goes with `player.js` and the style sheet. `title` and `note` are plain text."""
    width = "100%" if stretch.duration_s <= WIDE_S else f"{round(stretch.duration_s * PIXELS_PER_S)}px"
    audio = ""
    if stretch.samples is not None:
        audio = f'<audio preload="auto" src="{sound_uri(stretch.samples, stretch.sample_rate)}"></audio>'
    rows, lanes = _lanes(stretch)
    head = f'<span class="sedt-title">{escape(title)}</span>' if title else ""
    tail = f'<span class="sedt-note">{escape(note)}</span>' if note else ""
    return (
        f'<figure class="sedt-player" data-start="{stretch.start_s:.3f}" '
        f'data-duration="{stretch.duration_s:.3f}">'
        f'<figcaption><button type="button" class="sedt-play" aria-label="Play"'
        f'{"" if audio else " disabled"}></button><span class="sedt-time"></span>'
        f"{head}{tail}{audio}</figcaption>"
        f'<div class="sedt-body"><div class="sedt-names">{_frequencies(stretch)}{rows}</div>'
        f'<div class="sedt-scroll"><div class="sedt-stage" style="width:{width}">'
        f"{_picture(stretch)}{lanes}{_axis(stretch)}"
        f'<div class="sedt-cursor"></div></div></div></div></figure>'
    )


def _picture(stretch: Stretch) -> str:
    """The spectrogram with all events over it; without samples there is no picture."""
    if stretch.samples is None:
        return ""
    columns = max(1600, round(stretch.duration_s * COLUMNS_PER_S))
    image = spectrogram_uri(stretch.samples, stretch.sample_rate, min(columns, 16_000))
    index = colour_index(_labels(stretch))
    over = [_over(event, "is-found", index, stretch) for event in stretch.found]
    over += [_over(event, "is-true", index, stretch) for event in stretch.true or ()]
    return f'<div class="sedt-spec"><img alt="Spectrogram" src="{image}">{"".join(over)}</div>'


def _over(event: Event, kind: str, index: dict[str, int], stretch: Stretch) -> str:
    return f'<i class="sedt-over {kind} k{index[event.label]}" style="{_place(event, stretch)}"></i>'


def _lanes(stretch: Stretch) -> tuple[str, str]:
    """Names on the left, and for each a lane: what is true above what was found."""
    names, lanes = [], []
    index = colour_index(_labels(stretch))
    shown = {event.label for event in [*stretch.found, *(stretch.true or ())]}
    kind = "sedt-lane" if stretch.true is None else "sedt-lane has-true"
    for label in [label for label in _labels(stretch) if label in shown]:
        colour = f"k{index[label]}"
        boxes = [_box(e, "is-true", stretch) for e in stretch.true or () if e.label == label]
        boxes += [_box(e, "is-found", stretch) for e in stretch.found if e.label == label]
        names.append(
            f'<div class="{kind} {colour}" title="{escape(label)}"><span>{escape(label)}</span></div>'
        )
        lanes.append(f'<div class="{kind} {colour}">{"".join(boxes)}</div>')
    if not lanes:
        names.append(f'<div class="{kind}"></div>')
        lanes.append(f'<div class="{kind} is-empty">no events</div>')
    return "".join(names), "".join(lanes)


def _box(event: Event, kind: str, stretch: Stretch) -> str:
    wrong = " is-wrong" if event in stretch.wrong else ""
    what = "true" if kind == "is-true" else "found"
    score = "" if event.score is None else f", score {event.score:.2f}"
    verdict = "" if not wrong else (", missed" if kind == "is-true" else ", false")
    words = f"{event.label} ({what}{verdict}) {event.onset:.2f}–{event.offset:.2f} s{score}"
    text = "" if event.score is None else f"<b>{event.score:.2f}</b>"
    return (
        f'<button type="button" class="sedt-event {kind}{wrong}" style="{_place(event, stretch)}" '
        f'data-onset="{event.onset:.4f}" data-offset="{event.offset:.4f}" title="{escape(words)}">'
        f"{text}</button>"
    )


def _place(event: Event, stretch: Stretch) -> str:
    """Left edge and width, in per cent of the stretch."""
    left = (max(event.onset, stretch.start_s) - stretch.start_s) / stretch.duration_s
    right = (min(event.offset, stretch.start_s + stretch.duration_s) - stretch.start_s) / stretch.duration_s
    return f"left:{100 * left:.3f}%;width:{100 * max(0.0, right - left):.3f}%"


def _frequencies(stretch: Stretch) -> str:
    if stretch.samples is None:
        return ""
    ticks = [hz for hz in _TICKS_HZ if hz < 0.49 * stretch.sample_rate]
    marks = "".join(
        f'<i style="bottom:{100 * place_of_hz(hz, stretch.sample_rate):.1f}%">{hz / 1000:g}</i>'
        for hz in ticks
    )
    return f'<div class="sedt-hz"><em>kHz</em>{marks}</div>'


def _axis(stretch: Stretch) -> str:
    """Seconds, or minutes and seconds from a minute on; as many marks as fit."""
    wanted = 10 if stretch.duration_s <= WIDE_S else stretch.duration_s * PIXELS_PER_S / 90
    step = next((one for one in _STEPS_S if stretch.duration_s / one <= wanted), _STEPS_S[-1])
    first = int(np.ceil(stretch.start_s / step - 1e-6))
    last = int(np.floor((stretch.start_s + stretch.duration_s) / step + 1e-6))
    marks = "".join(
        f'<i style="left:{100 * (number * step - stretch.start_s) / stretch.duration_s:.3f}%">'
        f"{clock(number * step)}</i>"
        for number in range(first, last + 1)
    )
    return f'<div class="sedt-axis">{marks}</div>'


def clock(seconds: float) -> str:
    """`7.5 s` below a minute, `1:07` above, `2:01:07` from an hour on."""
    if seconds < WIDE_S:
        return f"{round(seconds, 1):g} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _labels(stretch: Stretch) -> list[str]:
    others = {event.label for event in [*stretch.found, *(stretch.true or ())]} - set(stretch.labels)
    return [*stretch.labels, *sorted(others)]
