"""A real Chromium on a page of a real server."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import soundfile
import soxr
from serving import RECORDING

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PATIENCE_MS = 30_000
"""For a machine that is busy with other things."""
_ALONE = (
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)


@contextmanager
def chromium(folder: Path) -> Iterator[Browser]:
    """Headless Chromium that reaches only this machine; its microphone hears the bundled recording."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("no chromium on the path")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    samples, rate = soundfile.read(RECORDING, dtype="float32")
    heard = folder / "heard.wav"
    soundfile.write(heard, soxr.resample(samples, rate, 48_000), 48_000)
    microphone = (
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-audio-capture={heard}",
    )
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=program, args=[*_ALONE, *microphone])
        yield browser
        browser.close()


@contextmanager
def opened(browser: Browser, address: str, query: str = "", **options: Any) -> Iterator[Page]:
    """The page, ready for use. Fails on an error of its scripts and on a request to anywhere else."""
    options.setdefault("viewport", {"width": 1360, "height": 800})
    context = browser.new_context(**options)
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda line: wrong.append(line.text) if line.type in {"error", "warning"} else None)
    page.on("request", lambda request: None if _is_here(request.url, address) else wrong.append(request.url))
    page.goto(f"http://{address}/{query}")
    yield page
    context.close()
    wrong = [line for line in wrong if "status of 4" not in line]  # Chromium's own line for a 4xx
    assert wrong == [], wrong


def _is_here(url: str, address: str) -> bool:
    return url.startswith((f"http://{address}/", f"blob:http://{address}/", "data:"))


def ready(page: Page) -> Page:
    """After the model is known and kept work is back."""
    page.wait_for_selector("html[data-ready=yes]")
    return page


def upload(page: Page, file: Path = RECORDING) -> Page:
    """A recording, with its boxes and its sound."""
    ready(page).set_input_files("#chooser", file)
    page.wait_for_selector(".box")
    page.wait_for_selector("#stage-note", state="hidden")
    return page


def shown(page: Page) -> list[tuple[str, float, float]]:
    """Label, onset and offset of every box, in order of time."""
    boxes = page.eval_on_selector_all(
        ".box", "boxes => boxes.map(b => [b.event.event_label, b.event.onset, b.event.offset])"
    )
    return sorted(((label, on, off) for label, on, off in boxes), key=lambda one: (one[1], one[2]))


def box(page: Page, label: str, nth: int = 0) -> Any:
    """A box by the class of its lane."""
    return page.locator(f'.lane[data-label="{label}"] .box').nth(nth)


def drag(page: Page, start: tuple[float, float], by_x: float) -> None:
    page.mouse.move(*start)
    page.mouse.down()
    for step in range(1, 6):
        page.mouse.move(start[0] + by_x * step / 5, start[1])
    page.mouse.up()


def middle(place: Any, share: float = 0.5) -> tuple[float, float]:
    """A point of an element, `share` of its width from its left."""
    frame = place.bounding_box()
    return frame["x"] + share * frame["width"], frame["y"] + frame["height"] / 2


def pixels_per_second(page: Page) -> float:
    """Of the whole recording of 20 s."""
    return float(page.locator("#tracks").bounding_box()["width"]) / 20
