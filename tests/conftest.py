"""What all tests share: where real audio is, and how hypothesis runs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# A time limit per example fails on a busy machine, not on a defect.
settings.register_profile("sedt", deadline=None)
settings.load_profile("sedt")

LONG = [
    "resume",
    "documents",
    "learning",
    "export",
    "recipes_step",
    "page",
    "page_work",
    "scripts",
    "pretrain",
    "cli_new",
    "train_frames",
    "runtimes",
    "semi",
    "beginning",
    "cli_detect",
    "connections",
]
"""Files of tests that take longest, longest first."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first, so that no process is alone at the end; `data` where SEDT_DATA names a folder."""
    places = {f"test_{name}": place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: places.get(item.path.stem, len(places)))
    if _real_audio() is not None:
        return
    skip = pytest.mark.skip(reason="needs real audio: SEDT_DATA names no folder")
    for item in items:
        if item.get_closest_marker("data"):
            item.add_marker(skip)


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of real audio, for tests marked `data`."""
    folder = _real_audio()
    assert folder is not None, "a test that uses `data_folder` must be marked `data`"
    return folder


def _real_audio() -> Path | None:
    named = os.environ.get("SEDT_DATA")
    return Path(named) if named and Path(named).is_dir() else None
