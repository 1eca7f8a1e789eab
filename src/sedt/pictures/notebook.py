"""Events in a notebook: a player with a timeline, in which an event that is clicked is played."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sedt.audio import Waveform, audio_duration, read_audio, to_mono
from sedt.errors import InputError
from sedt.events import Event
from sedt.files import write_text
from sedt.pictures.page import asset, style, whole_page
from sedt.pictures.player import Stretch, clock, player_html

Audio = str | os.PathLike[str] | NDArray[Any]

MAX_S = 600.0
"""So much of a recording is shown, unless asked for less: ten minutes are some 4 MB of a notebook."""

SHOWN_RATE = 16_000
"""Samples per second that a file is shown at; an array keeps its own."""


class Shown:
    """HTML that a notebook shows, and `save` writes."""

    def __init__(self, html: str, title: str) -> None:
        self.html, self.title = html, title

    def _repr_html_(self) -> str:
        """What Jupyter, VS Code and Colab ask for. A name of its own, since a page may hold several."""
        name = f"sedt-{secrets.token_hex(6)}"
        start = f'sedtPlayer(document.getElementById("{name}").querySelector(".sedt-player"));'
        return (
            f'<div class="sedt" id="{name}">{style(asset("player.css"))}{self.html}</div>'
            f"<script>(() => {{\n{asset('player.js')}\n{start}\n}})();</script>"
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a page that holds all it needs. Raises InputError: it cannot be written."""
        scripts = [asset("player.js"), 'sedtPlayer(document.querySelector(".sedt-player"));']
        body = f'<main style="max-width:1080px;margin:24px auto;padding:0 16px">{self.html}</main>'
        write_text(path, whole_page(self.title, body, [asset("player.css")], scripts))


class Events(list[Event]):
    """A list of events like any other, that a notebook shows with the audio they are of.

    What is made of it (a slice, a sum, a copy) is a plain list. An array that was detected in is kept as long
    as the events are.
    """

    def __init__(
        self, events: Iterable[Event] = (), audio: Audio | None = None, sample_rate: int | None = None
    ) -> None:
        super().__init__(events)
        self._audio, self._sample_rate = audio, sample_rate

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies, and what goes to another process, are without the audio."""
        return list, (list(self),)

    def _repr_html_(self) -> str | None:
        """None, so that a notebook prints the list, where there is no audio or it is gone."""
        try:
            return None if self._audio is None else show(self._audio, self, self._sample_rate)._repr_html_()
        except InputError:
            return None


def show(
    audio: Audio,
    events: Sequence[Event],
    sample_rate: int | None = None,
    *,
    truth: Sequence[Event] | None = None,
    start_s: float = 0.0,
    duration_s: float = MAX_S,
) -> Shown:
    """A player with the events under the spectrogram; the last line of a notebook's cell shows it.

    Args:
        audio: a file, or samples (samples,) or (samples, channels).
        events: what was found.
        sample_rate: of an array; a file says its own.
        truth: what is true, drawn above what was found.
        start_s: where to begin, in seconds.
        duration_s: how much to show, at most.

    Raises:
        InputError: the audio cannot be read, or ends before `start_s`; an array without its rate.
    """
    if start_s < 0 or duration_s <= 0:
        raise InputError(f"start_s {start_s}, duration_s {duration_s}: must be >= 0 and > 0")
    samples, rate, whole_s = _read(audio, sample_rate, start_s, duration_s)
    length_s = len(samples) / rate
    inside = [e for e in events if e.offset >= start_s and e.onset <= start_s + length_s]
    true = (
        None if truth is None else [e for e in truth if e.offset >= start_s and e.onset <= start_s + length_s]
    )
    title = Path(audio).name if isinstance(audio, str | os.PathLike) else ""
    note = f"{len(inside)} event{'' if len(inside) == 1 else 's'}"
    if length_s < whole_s - 0.01:
        note += f" in {clock(start_s)} – {clock(start_s + length_s)} of {clock(whole_s)}"
    return Shown(player_html(Stretch(samples, rate, start_s, length_s, inside, true), title, note), title)


def _read(
    audio: Audio, sample_rate: int | None, start_s: float, duration_s: float
) -> tuple[Waveform, int, float]:
    """Samples of the stretch, their rate, and the length of the whole in seconds."""
    if isinstance(audio, str | os.PathLike):
        whole_s = audio_duration(audio)
        return read_audio(audio, SHOWN_RATE, start_s=start_s, duration_s=duration_s), SHOWN_RATE, whole_s
    if sample_rate is None:
        raise InputError("an array needs its sample_rate")
    whole_s = np.shape(audio)[0] / sample_rate if np.ndim(audio) else 0.0
    first = round(start_s * sample_rate)
    part = audio[first : first + max(1, round(duration_s * sample_rate))] if np.ndim(audio) else audio
    if np.ndim(audio) and whole_s and not len(part):
        raise InputError(f"the array ends before {start_s:g} s")
    return to_mono(part, sample_rate, sample_rate), sample_rate, whole_s
