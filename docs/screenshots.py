"""Take the pictures of the web page for docs/web-page.md: `python docs/screenshots.py`, with the extra `dev`.

Needs `chromium` on the path. Starts a server of its own on a free port, with the demonstration model.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from PIL import Image

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "tests" / "serve"))

from browsing import box, chromium, opened, ready, upload  # noqa: E402
from serving import serving  # noqa: E402

IMAGES = ROOT / "docs" / "images"
DESKTOP = {"width": 1360, "height": 800}
PHONE = {"width": 360, "height": 740}
QUALITY = 88


def main() -> None:
    """Write the pictures."""
    IMAGES.mkdir(exist_ok=True)
    with TemporaryDirectory() as folder, chromium(Path(folder)) as browser, serving() as address:
        for name, size, scheme in (
            ("light", DESKTOP, "light"),
            ("dark", DESKTOP, "dark"),
            ("phone", PHONE, "light"),
        ):
            scale = 2 if size is PHONE else 1
            options = {"viewport": size, "color_scheme": scheme, "device_scale_factor": scale}
            with opened(browser, address, **options) as page:
                upload(page)
                box(page, "fire_crackling").click()
                page.keyboard.press("Shift+ArrowRight")
                page.keyboard.press("Space")  # silence
                page.wait_for_timeout(700)
                save(page, f"web-page-{name}")
        with opened(browser, address, viewport=DESKTOP, color_scheme="light") as page:
            ready(page).get_by_role("button", name="Microphone").click()
            page.locator("#live-events li").nth(3).wait_for()
            save(page, "web-page-microphone")


def save(page: Any, name: str) -> None:
    """A picture of what is seen, compressed."""
    Image.open(io.BytesIO(page.screenshot())).save(IMAGES / f"{name}.webp", quality=QUALITY, method=6)


if __name__ == "__main__":
    main()
