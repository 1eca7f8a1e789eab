"""Runs that all tests of the report share."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent.parent / "training"))  # for `tiny`

from runs import make_run


@pytest.fixture(scope="session")
def sedt_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("sedt"), "sedt")


@pytest.fixture(scope="session")
def sp_sedt_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Without a test set."""
    return make_run(tmp_path_factory.mktemp("sp_sedt"), "sp_sedt", ("validation",))


@pytest.fixture(scope="session")
def crnn_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("crnn"), "crnn")
