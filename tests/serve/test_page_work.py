"""What people do in the page is not lost: by slow uploads, reloads, other recordings, another model."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile
from browsing import box, middle, opened, ready, shown, upload
from serving import RECORDING, offline, serving

from sedt.detector import Detector
from small_models import bursts, sure_package

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route


@pytest.fixture(scope="module")
def address(browser: Browser) -> Iterator[str]:
    with serving(fingerprint="first") as running:
        yield running


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    with opened(browser, address) as one:
        yield one


class Held:
    """Uploads that stop on their way until they are let go, as on a slow line."""

    def __init__(self, page: Page) -> None:
        self.routes: list[Route] = []
        self.is_over = False
        page.route("**/detect*", self._take)

    def _take(self, route: Route) -> None:
        if self.is_over:
            route.continue_()
        else:
            self.routes.append(route)

    def let_go(self) -> None:
        self.is_over = True
        for route in self.routes:
            route.continue_()


def add(page: Page, label: str) -> None:
    """An event where the playback is, as soon as the sound is there."""
    for _ in range(300):
        page.keyboard.press("a")
        if page.locator("#label-dialog").is_visible():
            break
        page.wait_for_timeout(100)
    page.keyboard.type(label)
    page.keyboard.press("Enter")
    box(page, label).wait_for()


def labels(page: Page) -> list[str]:
    return [label for label, _, _ in shown(page)]


FOUND = [event.label for event in offline()]


@pytest.mark.parametrize("network", ["sedt", "crnn"])
def test_what_is_shown_is_what_sedt_detect_finds(browser: Browser, tmp_path: Path, network: str) -> None:
    """At the model's own thresholds and at the slider's, over several windows."""
    detector = Detector(sure_package(network, threshold=0.45))
    file = tmp_path / "noise.wav"
    soundfile.write(file, bursts(), 16_000)
    with serving(detector=detector) as address, opened(browser, address) as page:
        ready(page).set_input_files("#chooser", file)
        page.wait_for_function("() => document.getElementById('file-facts').textContent.includes('event')")
        for threshold, key in ((None, None), (0.05, "Home"), (0.1, "ArrowRight")):
            if key:
                page.locator("#threshold").press(key)
            wanted = detector.detect(file, threshold=threshold)
            page.locator("#file-facts", has_text=f"· {len(wanted)} event").wait_for()
            assert sorted(shown(page)) == [
                (event.label, pytest.approx(event.onset, abs=1e-3), pytest.approx(event.offset, abs=1e-3))
                for event in sorted(wanted, key=lambda e: (e.label, e.onset, e.offset))
            ]


def test_labels_made_before_the_model_answers_stay(page: Page) -> None:
    held = Held(ready(page))
    page.set_input_files("#chooser", RECORDING)
    add(page, "kettle")
    held.let_go()
    box(page, "helicopter").wait_for()
    assert sorted(labels(page)) == sorted([*FOUND, "kettle"])
    page.keyboard.press("Control+z")
    assert labels(page) == FOUND


def test_labels_are_not_saved_before_the_model_answers(browser: Browser, tmp_path: Path) -> None:
    """What it finds would be silence to whoever learns from them."""
    with serving(corrections=tmp_path) as address, opened(browser, address) as page:
        held = Held(ready(page))
        page.set_input_files("#chooser", RECORDING)
        add(page, "kettle")
        page.get_by_role("button", name="Save as training labels").click()
        page.get_by_text("Not yet: what the model finds").wait_for()
        assert not list(tmp_path.iterdir())
        held.let_go()
        box(page, "helicopter").wait_for()
        page.get_by_role("button", name="Save as training labels").click()
        page.get_by_text(f"{len(FOUND) + 1} events, ready for sedt new").wait_for()


def test_recordings_of_one_name_and_size_are_two(page: Page, tmp_path: Path) -> None:
    for day in ("monday", "tuesday"):
        (tmp_path / day).mkdir()
        (tmp_path / day / "001.ogg").write_bytes(RECORDING.read_bytes())
    os.utime(tmp_path / "monday" / "001.ogg", (1e9, 1e9))
    upload(page, tmp_path / "monday" / "001.ogg")
    box(page, "helicopter").click()
    page.keyboard.press("Delete")
    upload(page, tmp_path / "tuesday" / "001.ogg")
    page.locator("#file-list li", has_text="5 events").wait_for()
    assert page.locator("#file-list li").count() == 2
    assert labels(page) == FOUND
    page.keyboard.press("p")
    box(page, "helicopter").wait_for(state="detached")
    upload(page, tmp_path / "monday" / "001.ogg")  # it is there already
    assert page.locator("#file-list li").count() == 2


def test_what_waits_outlives_a_reload(page: Page) -> None:
    held = Held(ready(page))
    page.set_input_files("#chooser", RECORDING)
    add(page, "kettle")
    held.is_over = True  # what comes now goes on; the first upload never does
    page.reload()
    box(ready(page), "helicopter").wait_for()
    assert sorted(labels(page)) == sorted([*FOUND, "kettle"])


def test_a_server_that_comes_back_is_asked_again(browser: Browser) -> None:
    context = browser.new_context()
    page = context.new_page()
    with serving() as address:
        port = int(address.rsplit(":", 1)[1])
        page.goto(f"http://{address}/")
        ready(page)
    page.set_input_files("#chooser", RECORDING)
    page.locator("#file-list li.failed").wait_for()
    page.get_by_text("The server does not answer").first.wait_for()
    add(page, "kettle")
    with serving(port):
        page.get_by_role("button", name="Again").click()
        box(page, "helicopter").wait_for()
        assert sorted(labels(page)) == sorted([*FOUND, "kettle"])
        assert not page.get_by_role("button", name="Again").is_visible()
    context.close()


def test_another_model_is_told_of_and_asked(browser: Browser) -> None:
    with serving(fingerprint="old") as address:
        port = int(address.rsplit(":", 1)[1])
        context = browser.new_context()
        page = context.new_page()
        page.goto(f"http://{address}/")
        upload(page)
        box(page, "helicopter").click()
        page.keyboard.press("Delete")
        page.locator("#threshold").press("Home")
    with serving(port, fingerprint="new"):
        page.reload()
        page.locator("#file-list li", has_text="by another model").wait_for()
        assert page.locator("#threshold-own").get_attribute("aria-pressed") == "true"
        page.get_by_role("button", name="Again").click()
        page.locator("#file-list li", has_text="by another model").wait_for(state="detached")
        assert labels(page) == [label for label in FOUND if label != "helicopter"]
    context.close()


def test_removing_can_be_undone(page: Page) -> None:
    upload(page)
    box(page, "helicopter").click()
    page.keyboard.press("Delete")
    page.get_by_role("button", name="Remove").click()
    assert page.locator("#welcome").is_visible()
    page.get_by_role("button", name="Undo", exact=True).filter(has_text="Undo").click()
    box(page, "baby_cry").wait_for()
    assert labels(page) == [label for label in FOUND if label != "helicopter"]
    page.reload()
    box(ready(page), "baby_cry").wait_for()


def test_the_focus_stays_and_keys_of_one_letter_can_be_switched_off(page: Page, tmp_path: Path) -> None:
    for name in ("a.ogg", "b.ogg"):
        (tmp_path / name).write_bytes(RECORDING.read_bytes())
        upload(page, tmp_path / name)
    box(page, "helicopter").click()
    page.locator("#file-list .file").last.focus()
    page.keyboard.press("Delete")  # of a list that is no list of events
    assert labels(page) == FOUND
    page.get_by_role("button", name="Remove b.ogg from the list").press("Enter")
    assert page.evaluate("() => document.activeElement.textContent").startswith("a.ogg")
    page.locator("#help").click()
    page.get_by_label("Listen to keys of one letter or sign").uncheck()
    page.keyboard.press("Escape")
    box(page, "helicopter").click()
    page.keyboard.press("l")
    assert page.locator("#label-dialog").is_hidden()
    page.keyboard.press("Delete")
    assert labels(page) == [label for label in FOUND if label != "helicopter"]


def test_the_list_can_be_used_while_a_file_uploads(page: Page, tmp_path: Path) -> None:
    file = tmp_path / "long.wav"
    soundfile.write(file, np.random.default_rng(0).normal(0, 0.1, 1_000_000), 16_000)
    upload(page)
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 200_000}
    page.context.new_cdp_session(page).send("Network.emulateNetworkConditions", slow)
    page.set_input_files("#chooser", file)
    page.locator("#file-list li", has_text="uploading, 1").wait_for()  # of 10 to 19 %
    page.mouse.move(*middle(page.get_by_role("button", name="Remove long.wav")))
    page.mouse.down()
    page.wait_for_timeout(300)  # a slow finger: the upload goes on meanwhile
    page.mouse.up()
    page.get_by_text("long.wav is no longer in the list").wait_for()
    assert page.locator("#file-list li").count() == 1


def test_a_second_finger_moves_nothing(browser: Browser, address: str) -> None:
    phone = {"width": 700, "height": 900}
    with opened(browser, address, viewport=phone, has_touch=True, is_mobile=True) as page:
        before = shown(upload(page))
        place = box(page, "helicopter")
        place.scroll_into_view_if_needed()
        x, y = middle(place)
        first = {"x": x, "y": y, "id": 1}
        finger = page.context.new_cdp_session(page)
        for kind, points in (
            ("touchStart", [first]),
            ("touchStart", [first, {"x": x - 200, "y": y, "id": 2}]),
            ("touchMove", [first, {"x": x - 150, "y": y, "id": 2}]),
            ("touchEnd", [first]),
            ("touchEnd", []),
        ):
            finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        page.locator("#inspector-fields").wait_for()  # the first finger has chosen its box
        assert shown(page) == before
