"""Events in a notebook: a list, and a player that plays what is clicked."""

from __future__ import annotations

import base64
import copy
import io
import pickle
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile

import sedt
from browser import opened
from sedt.audio import write_audio
from sedt.errors import InputError
from sedt.events import Event
from sedt.pictures import Events, show
from sedt.pictures.notebook import MAX_S

RATE = 16_000
FOUND = [Event(0.5, 1.0, "dog", 0.9), Event(2.0, 2.5, "<b>cat</b>", 0.6)]
TRUE = [Event(0.6, 1.1, "dog")]


def tone(duration_s: float = 3.0) -> np.ndarray:
    time = np.arange(round(duration_s * RATE)) / RATE
    return (0.3 * np.sin(2 * np.pi * 700 * time)).astype(np.float32)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    write_audio(tmp_path / "a.wav", tone(), RATE)
    return tmp_path / "a.wav"


def test_events_are_a_list() -> None:
    events = Events(FOUND, tone(), RATE)
    assert events == FOUND
    assert isinstance(events, list)
    assert repr(events) == repr(FOUND)
    assert type(events[:1]) is list
    for made in (copy.deepcopy(events), pickle.loads(pickle.dumps(events)), [*events]):
        assert type(made) is list
        assert made == FOUND
    assert len(pickle.dumps(events)) < 1000, "without the audio"


def test_a_notebook_shows_them_with_the_audio(file: Path) -> None:
    for events in (Events(FOUND, file), Events(FOUND, tone(), RATE)):
        html = events._repr_html_()
        assert html is not None
        assert html.count("sedt-event is-found") == len(FOUND)
        assert "&lt;b&gt;cat" in html
        assert "<b>cat" not in html


def test_without_audio_the_list_is_printed(file: Path) -> None:
    assert Events(FOUND)._repr_html_() is None
    events = Events(FOUND, file)
    file.unlink()
    assert events._repr_html_() is None


def test_what_is_heard_is_the_recording(file: Path) -> None:
    """Opus is lossy, but neither late nor of another pitch."""
    found = re.search(r'src="data:audio/ogg;base64,([^"]+)"', show(file, FOUND).html)
    assert found is not None
    samples, rate = soundfile.read(io.BytesIO(base64.b64decode(found[1])))
    assert len(samples) / rate == pytest.approx(3.0, abs=0.02)
    wanted = tone()[: len(samples)]
    assert np.corrcoef(samples[RATE : 2 * RATE], wanted[RATE : 2 * RATE])[0, 1] > 0.98


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 44_100, 96_000])
def test_every_rate_can_be_shown(rate: int) -> None:
    assert "data:audio/" in show(np.zeros(rate // 10, np.float32), [], rate).html


def test_a_stretch(file: Path) -> None:
    html = show(file, FOUND, start_s=1.5, duration_s=1.0).html
    assert 'data-start="1.500"' in html
    assert 'data-duration="1.000"' in html
    assert html.count("sedt-event") == 1
    assert "1.5 s – 2.5 s of 3 s" in html


def test_a_long_recording_is_cut() -> None:
    html = show(np.zeros(round(1000 * (MAX_S + 60)), np.float32), FOUND, 1000).html
    assert f'data-duration="{MAX_S:.3f}"' in html
    assert "of 11:00" in html


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"audio": "nowhere.wav"}, "nowhere.wav"),
        ({"audio": np.zeros(100)}, "sample_rate"),
        ({"audio": np.zeros(0), "sample_rate": 100}, "no samples"),
        ({"audio": np.zeros(100), "sample_rate": 100, "start_s": 2.0}, "ends before 2 s"),
        ({"audio": np.zeros(100), "sample_rate": 100, "start_s": -1.0}, "start_s"),
        ({"audio": np.zeros(100), "sample_rate": 100, "duration_s": 0.0}, "duration_s"),
    ],
)
def test_what_cannot_be_shown(options: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        show(events=[], **options)  # type: ignore[arg-type]


def test_the_names_of_the_package() -> None:
    assert sedt.show is show
    assert sedt.Events is Events


# -- in a browser ----------------------------------------------------------------------------------


def as_notebook(html: str) -> str:
    """Jupyter puts the HTML into the page and then makes its scripts anew, so that they run."""
    return (
        '<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><div id="cell"></div>'
        f"<template id='output'>{html}</template><script>"
        "document.getElementById('cell').append(document.getElementById('output').content.cloneNode(true));"
        "document.querySelectorAll('#cell script').forEach((old) => {"
        "const made = document.createElement('script'); made.textContent = old.textContent;"
        "old.replaceWith(made); });</script>"
    )


def test_a_click_on_an_event_plays_it(file: Path, tmp_path: Path) -> None:
    shown = show(file, FOUND, truth=TRUE)
    page = tmp_path / "cell.html"
    page.write_text(as_notebook(shown._repr_html_() + shown._repr_html_()), encoding="utf-8")
    with opened(page) as watched:
        watched.wait_until("[...document.querySelectorAll('audio')].every((a) => a.readyState >= 1)")
        assert watched.page.locator(".sedt-player").count() == 2
        second = watched.page.locator(".sedt-player").nth(1)
        second.locator('.is-found[data-onset="2.0000"]').click()
        watched.wait_until("document.querySelectorAll('audio')[1].currentTime > 2.05")
        assert watched.seconds(0) == 0, "each player is its own"
        watched.wait_until("document.querySelectorAll('audio')[1].paused")
        assert watched.seconds(1) == pytest.approx(2.5, abs=0.05), "it stops where the event ends"
        left = second.locator(".sedt-cursor").evaluate("cursor => cursor.style.left")
        assert float(left.removesuffix("%")) == pytest.approx(100 * 2.5 / 3, abs=1)
        assert watched.problems == []


def test_the_button_plays_and_the_spectrogram_seeks(file: Path, tmp_path: Path) -> None:
    show(file, FOUND).save(tmp_path / "page.html")
    with opened(tmp_path / "page.html") as watched:
        watched.wait_until("document.querySelector('audio').readyState >= 1")
        stage = watched.page.locator(".sedt-stage").bounding_box()
        watched.page.mouse.click(stage["x"] + stage["width"] / 3, stage["y"] + 100)
        assert watched.seconds() == pytest.approx(1.0, abs=0.05)
        watched.page.locator(".sedt-play").click()
        watched.wait_until("document.querySelector('audio').currentTime > 1.2")
        watched.page.locator(".sedt-play").click()
        assert watched.page.evaluate("document.querySelector('audio').paused")
        assert watched.problems == []
