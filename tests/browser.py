"""A real browser, for pages: what it logs, asks for and plays."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next((path for name in _NAMES if (path := shutil.which(name))), None)


class Watched:
    """An open page, and all that went wrong on it or was asked for from outside."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.problems: list[str] = []
        page.on("console", lambda message: self.problems.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.problems.append(f"error: {error}"))
        page.on("request", self._note)

    def _note(self, request: Any) -> None:
        if not request.url.startswith(("data:", "file:", "about:")):
            self.problems.append(f"request: {request.url}")

    def seconds(self, number: int = 0) -> float:
        """Where a player's audio is."""
        return float(self.page.evaluate(f"document.querySelectorAll('audio')[{number}].currentTime"))

    def wait_until(self, condition: str, seconds: float = 20.0) -> None:
        """Wait for a JavaScript expression to become true."""
        # Not `wait_for_function`, which needs what the page's own policy forbids.
        end = time.monotonic() + seconds
        while not self.page.evaluate(condition):
            assert time.monotonic() < end, f"after {seconds:g} s it is not so: {condition}; {self.problems}"
            self.page.wait_for_timeout(20)


@contextmanager
def opened(file: Path, **options: Any) -> Iterator[Watched]:
    """The file in Chromium; skips the test where there is none. Options go to `new_page`."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs Playwright")
    if CHROMIUM is None:
        pytest.skip("needs Chromium")
    with sync_api.sync_playwright() as playwright:
        # In a container there is no sandbox for root; the page is our own.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        watched = Watched(browser.new_page(**options))
        watched.page.goto(file.as_uri())
        yield watched
        browser.close()
