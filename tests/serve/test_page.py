"""The web page in real headless Chromium, on a real server with the demonstration model."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from browsing import box, drag, middle, opened, pixels_per_second, ready, shown, upload
from serving import RECORDING, offline, serving

from sedt.formats import FORMATS, read_events
from sedt.pictures.colours import ON_DARK, PALETTE

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page


@pytest.fixture(scope="module")
def corrections(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("corrections")


@pytest.fixture(scope="module")
def address(browser: Browser, corrections: Path) -> Iterator[str]:
    with serving(corrections=corrections) as running:
        yield running


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    with opened(browser, address) as one:
        yield one


def test_an_upload_shows_what_the_model_finds(page: Page) -> None:
    found = [(event.label, round(event.onset, 2)) for event in offline()]
    assert [(label, round(onset, 2)) for label, onset, _ in shown(upload(page))] == found
    rows = page.locator("#table-body tr[data-id]")
    assert rows.count() == len(found)
    assert rows.first.inner_text().startswith(found[0][0].replace("_", " "))
    assert not page.locator("#notice").is_visible()


def test_a_drop_counts_as_opening(page: Page) -> None:
    ready(page).evaluate(
        """data => {
          const transfer = new DataTransfer();
          const bytes = Uint8Array.from(atob(data), letter => letter.charCodeAt(0));
          transfer.items.add(new File([bytes], "dropped.ogg"));
          for (const type of ["dragenter", "drop"]) {
            const event = new DragEvent(type, { bubbles: true, cancelable: true, dataTransfer: transfer });
            document.body.dispatchEvent(event);
          }
        }""",
        b64encode(RECORDING.read_bytes()).decode(),
    )
    page.wait_for_selector(".box")
    assert page.locator("#file-name").inner_text() == "dropped.ogg"
    assert not page.locator("#drop-veil").is_visible()


def test_fingers_hear_boxes_and_scroll(browser: Browser, address: str) -> None:
    phone = {"width": 360, "height": 740}
    with opened(browser, address, viewport=phone, has_touch=True, is_mobile=True) as page:
        upload(page)
        box(page, "helicopter").tap()
        assert page.locator("#event-label").input_value() == "helicopter"
        page.locator("#zoom-in").tap()
        page.locator("#zoom-in").tap()
        box(page, "baby_cry").wait_for(state="detached")
        page.locator("#spectrogram").scroll_into_view_if_needed()
        x, y = middle(page.locator("#spectrogram"), 0.1)
        finger = page.context.new_cdp_session(page)
        for kind, by in (("touchStart", 0), ("touchMove", 60), ("touchMove", 240), ("touchEnd", None)):
            points = [] if by is None else [{"x": x + by, "y": y}]
            finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        box(page, "baby_cry").wait_for()
        assert page.locator("#file-facts").inner_text().endswith("5 events")  # it scrolled, nothing was added


def test_waveform_and_spectrogram_are_drawn_and_zoom(page: Page) -> None:
    upload(page)
    colours = """() => {
      const shown = document.getElementById("spectrogram");
      const copy = document.createElement("canvas");
      Object.assign(copy, { width: shown.width, height: shown.height });
      const context = copy.getContext("2d", { willReadFrequently: true });
      context.drawImage(shown, 0, 0);
      return new Set(new Uint32Array(context.getImageData(0, 0, copy.width, copy.height).data.buffer)).size;
    }"""
    page.wait_for_function(f"() => ({colours})() > 50")
    width = """w => {
      const box = document.querySelector(".lane[data-label=baby_cry] .box");
      return box !== null && Math.abs(box.offsetWidth - w) < 3;
    }"""
    whole = box(page, "baby_cry").bounding_box()["width"]
    page.keyboard.press("+")
    page.keyboard.press("+")
    page.wait_for_function(width, arg=whole * 1.6**2)
    assert box(page, "helicopter").count() == 0
    page.get_by_role("scrollbar").press("End")
    box(page, "helicopter").wait_for()
    assert box(page, "baby_cry").count() == 0
    page.keyboard.press("0")
    page.wait_for_function(width, arg=whole)
    assert box(page, "helicopter").count() == 1


def test_the_slider_acts_at_once_and_asks_the_server_nothing(page: Page) -> None:
    upload(page)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    slider = page.locator("#threshold")
    numbers = [len(shown(page))]
    for key in ("Home", "End"):
        slider.press(key)
        page.wait_for_function("n => document.querySelectorAll('.box').length !== n", arg=numbers[-1])
        numbers.append(len(shown(page)))
    assert numbers[1] > numbers[0] > numbers[2]
    page.get_by_role("button", name="Model's own").click()
    page.wait_for_function("n => document.querySelectorAll('.box').length === n", arg=numbers[0])
    assert asked == []


def test_an_edge_is_dragged_undone_and_done_again(page: Page) -> None:
    before = shown(upload(page))
    moved = box(page, "helicopter")
    drag(page, middle(moved, 0.99), 60)
    after = shown(page)
    (_, onset, offset), (_, onset_after, offset_after) = (
        next(one for one in events if one[0] == "helicopter") for events in (before, after)
    )
    assert onset_after == pytest.approx(onset, abs=0.001)
    assert offset_after == pytest.approx(offset + 60 / pixels_per_second(page), abs=0.05)
    assert "corrected" in (moved.get_attribute("aria-label") or "")
    page.keyboard.press("Control+z")
    assert shown(page) == before
    page.keyboard.press("Control+y")
    assert shown(page) == after


def test_boxes_are_moved_added_and_deleted_by_mouse(page: Page) -> None:
    before = shown(upload(page))
    drag(page, middle(box(page, "fire_crackling")), -50)
    moved = next(one for one in shown(page) if one[0] == "fire_crackling")
    was = next(one for one in before if one[0] == "fire_crackling")
    by = 50 / pixels_per_second(page)
    assert moved[1:] == (pytest.approx(was[1] - by, abs=0.05), pytest.approx(was[2] - by, abs=0.05))
    drag(page, middle(page.locator('.lane[data-label="helicopter"]'), 0.2), 40)
    assert len(shown(page)) == len(before) + 1
    assert [one[0] for one in shown(page)].count("helicopter") == 2
    page.get_by_role("button", name="Delete").click()
    assert [one[0] for one in shown(page)].count("helicopter") == 1


def test_everything_by_keyboard(page: Page) -> None:
    before = shown(upload(page))
    page.keyboard.press("ArrowRight")
    chosen = page.locator('.box[aria-selected="true"]')
    assert (chosen.get_attribute("aria-label") or "").startswith("baby cry")
    for _ in range(3):
        page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowUp")
    assert shown(page)[0] != before[0]
    onset = float(page.locator("#event-onset").input_value())
    assert onset == pytest.approx(before[0][1] + 3 * 0.02, abs=0.002)
    page.keyboard.press("l")
    page.keyboard.type("rain")
    page.keyboard.press("Enter")
    box(page, "rain").wait_for()
    page.keyboard.press("Delete")
    assert len(shown(page)) == len(before) - 1
    page.keyboard.press("a")
    page.keyboard.type("kettle")  # the model knows none
    page.keyboard.press("Enter")
    box(page, "kettle").wait_for()
    assert len(shown(page)) == len(before)
    for _ in range(4):  # added, deleted, relabelled, nudged: the four nudges are one or two steps
        page.keyboard.press("Control+z")
    while page.locator("#undo").is_enabled():
        page.keyboard.press("Control+z")
    assert shown(page) == before
    page.keyboard.press("?")
    assert page.get_by_text("where the playback is").is_visible()


def test_a_click_plays_that_stretch(page: Page) -> None:
    upload(page)
    box(page, "dog_bark", 1).click()
    page.wait_for_function("() => document.getElementById('play').ariaLabel === 'Pause'")
    page.wait_for_function("() => document.getElementById('play').ariaLabel === 'Play'")
    position = page.locator("#time").inner_text()
    end = float(page.locator("#event-offset").input_value())
    assert float(position.split(":")[1]) == pytest.approx(end, abs=0.3)


@pytest.mark.parametrize("part", [0, 1, 2])
def test_exports_are_the_events_as_edited(page: Page, tmp_path: Path, part: int) -> None:
    """In three parts: Chromium asks a person before it takes more than ten files from one page."""
    upload(page)
    drag(page, middle(box(page, "helicopter"), 0.99), 60)
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Delete")
    wanted = shown(page)
    offered = page.eval_on_selector_all("#format option", "options => options.map(o => o.value)")
    assert offered == list(FORMATS)
    for name in offered[part::3]:
        page.locator("#format").select_option(name)
        with page.expect_download() as download:
            page.get_by_role("button", name="Download").click()
        file = tmp_path / download.value.suggested_filename
        download.value.save_as(file)
        (events,) = read_events(file, name).values()
        got = sorted((event.onset, event.offset, event.label) for event in events)
        assert [label for *_, label in got] == [label for label, *_ in wanted], name
        for (onset, offset, _), (_, wanted_onset, wanted_offset) in zip(got, wanted, strict=True):
            assert (onset, offset) == pytest.approx((wanted_onset, wanted_offset), abs=0.011), name


def test_corrections_are_saved_as_training_labels(page: Page, corrections: Path) -> None:
    upload(page)
    box(page, "helicopter").click()
    page.keyboard.press("Delete")
    page.get_by_role("button", name="Save as training labels").click()
    page.get_by_text("ready for sedt new").wait_for()
    table = read_events(corrections)
    assert [event.label for event in sorted(table[RECORDING.name])] == [label for label, *_ in shown(page)]


def test_a_server_that_keeps_nothing_offers_the_file(browser: Browser) -> None:
    with serving() as address, opened(browser, address) as page:
        upload(page)
        page.get_by_role("button", name="Save as training labels").click()
        with page.expect_download() as download:
            page.get_by_role("button", name="Download TSV").click()
        assert download.value.suggested_filename.endswith(".tsv")


def test_work_outlives_a_reload(page: Page) -> None:
    upload(page)
    box(page, "fire_crackling").click()
    page.keyboard.press("Delete")
    wanted = shown(page)
    page.reload()
    ready(page).wait_for_selector(".box")
    page.wait_for_selector("#stage-note", state="hidden")  # the audio is there too
    assert shown(page) == wanted


SECONDS_HEARD = "Number(document.getElementById('live-time').textContent.split(':')[1])"


def test_the_microphone_is_heard(page: Page) -> None:
    messages: list[str] = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda text: messages.append(str(text))))
    ready(page).get_by_role("button", name="Microphone").click()
    page.wait_for_function(f"() => {SECONDS_HEARD} >= 6")
    page.get_by_role("button", name="Stop").click()
    page.wait_for_selector(".box")
    heard = [json.loads(text) for text in messages]
    assert heard[-1]["end"] is True
    assert heard[-1]["duration"] >= 5
    assert any("event_label" in one for one in heard)
    assert page.locator("#file-name").inner_text().startswith("microphone ")


def test_a_long_session_keeps_its_events(browser: Browser) -> None:
    """The sound that the server would not take is not kept; what was heard in it is."""
    with serving(max_upload_bytes=200_000) as address, opened(browser, address) as page:
        ready(page).get_by_role("button", name="Microphone").click()
        page.get_by_text("From here on events are kept, and no sound").wait_for()
        page.wait_for_function(f"() => {SECONDS_HEARD} >= 8")
        page.get_by_role("button", name="Stop").click()
        page.get_by_text("and all of its events").wait_for()
        assert max(offset for _, _, offset in shown(page)) > 2.1  # seconds that the limit holds


def test_a_session_that_the_server_refuses_keeps_its_events(browser: Browser) -> None:
    with serving(max_duration_s=3.0) as address, opened(browser, address) as page:
        ready(page).get_by_role("button", name="Microphone").click()
        page.wait_for_function(f"() => {SECONDS_HEARD} >= 8")
        page.get_by_role("button", name="Stop").click()
        page.get_by_text("What was heard as it came is kept").wait_for()
        assert shown(page)


def test_the_microphone_is_stopped_while_the_browser_asks(page: Page) -> None:
    ready(page).evaluate(
        """() => {
            const media = navigator.mediaDevices, ask = media.getUserMedia.bind(media);
            media.getUserMedia = async (wanted) => {
                await new Promise((allow) => (window.allow = allow));
                return (window.heard = await ask(wanted));
            };
        }"""
    )
    page.get_by_role("button", name="Microphone").click()
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("button", name="Microphone").wait_for()
    page.evaluate("() => window.allow()")
    page.wait_for_function("() => window.heard?.getTracks().every((track) => track.readyState === 'ended')")
    assert page.locator("#live").is_hidden()


def test_bad_input_is_told_in_one_line(page: Page, tmp_path: Path) -> None:
    file = tmp_path / "<b>notes.wav"
    file.write_text("no audio at all")
    ready(page).set_input_files("#chooser", file)
    line = page.locator("#notice span")
    line.wait_for()
    assert "<b>notes.wav" in line.inner_text()
    assert page.locator("#file-list li.failed").count() == 1
    upload(page)  # and the page goes on


def test_a_recording_beyond_the_limit_is_not_sent(browser: Browser) -> None:
    with serving(max_upload_bytes=50_000) as address, opened(browser, address) as page:
        ready(page).set_input_files("#chooser", RECORDING)
        page.get_by_text("this server takes up to 50 kB").first.wait_for()


def test_a_token_is_asked_for_and_kept(browser: Browser) -> None:
    with serving(token="sesame") as address:
        with opened(browser, address) as page:
            page.locator("#token").fill("sesame")
            page.keyboard.press("Enter")
            upload(page)
        with opened(browser, address, "?token=sesame") as page:
            ready(page)
            assert "sesame" not in page.url


def test_any_width_dark_and_light(page: Page) -> None:
    upload(page)
    box(page, "helicopter").click()
    for width in (1360, 900, 360):
        page.set_viewport_size({"width": width, "height": 760})
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            _wait_for_brightness(page, scheme)
            assert page.evaluate("document.documentElement.scrollWidth") == width
            assert box(page, "helicopter").is_visible()
    page.get_by_role("button", name="Dark or light").click()  # against the system, which is dark
    _wait_for_brightness(page, "light")


def test_a_class_has_the_colour_that_it_has_in_reports(page: Page) -> None:
    classes = upload(page).evaluate("fetch('model').then(answer => answer.json())")["classes"]
    for scheme, palette in (("light", PALETTE), ("dark", ON_DARK)):
        page.emulate_media(color_scheme=scheme)
        _wait_for_brightness(page, scheme)
        assert _custom(page.locator("html"), *(f"--k{n}" for n in range(99))) == list(palette)
        labels = {label for label, _, _ in shown(page)}
        assert labels
        for label in labels:
            assert _custom(box(page, label), "--class") == [palette[classes.index(label)]]


def _custom(element: Locator, *names: str) -> list[str]:
    """Those of an element's custom properties that are set."""
    read = "(element, names) => names.map(name => getComputedStyle(element).getPropertyValue(name).trim())"
    return [colour.upper() for colour in element.evaluate(read, names) if colour]


def _wait_for_brightness(page: Page, scheme: str) -> None:
    """Fails if it never gets there; `wait_for_function` is what the page's policy forbids."""
    for _ in range(100):
        colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
        if (int(colour.strip("rgb()").split(",")[0]) > 128) is (scheme == "light"):
            return
        page.wait_for_timeout(50)
    pytest.fail(f"the page is not {scheme}: {colour}")
