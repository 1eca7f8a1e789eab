"""Holds the package to ARCHITECTURE.md, and the checker to its word on small trees with planted faults."""

from __future__ import annotations

from pathlib import Path

import pytest

from architecture import ROWS, circle, modules, row_violations, torch_violations, unit_of

SOURCE = Path(__file__).parents[1] / "src"

# -- the package -----------------------------------------------------------------------------------


def test_rows() -> None:
    assert row_violations(SOURCE) == []


def test_no_circles() -> None:
    assert circle(SOURCE) == []


def test_decoding_and_metrics_need_no_torch() -> None:
    assert torch_violations(SOURCE) == []


def test_the_picture_in_architecture_md_is_true() -> None:
    text = (SOURCE.parent / "ARCHITECTURE.md").read_text(encoding="utf-8")
    lines = [line.split()[1:] for line in text.splitlines() if line.startswith("row ")]
    drawn = {int(number): {w for w in words if w.endswith((".py", "/"))} for number, *words in lines}
    there = {unit_of(module): path for module, path in modules(SOURCE).items() if unit_of(module)}
    true = {
        number: {
            f"{unit}{'.py' if there[unit].parent.name == 'sedt' else '/'}" for unit in units if unit in there
        }
        for number, units in enumerate(ROWS)
    }
    assert drawn == {number: names for number, names in true.items() if names}


# -- the checker itself ----------------------------------------------------------------------------


def tree(folder: Path, files: dict[str, str]) -> Path:
    """A package of these files, by path without `.py`."""
    for name, text in {"__init__": "", **files}.items():
        path = folder / "sedt" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("module", "text"),
    [
        ("data/clips", "import numpy\nfrom sedt.events import Event\nfrom sedt.features import LogMel"),
        ("data/clips", "from sedt.data.other import x"),
        ("cli/train", "def train():\n    from sedt.training.run import train"),
        ("recipe", "from sedt.config import Recipe"),
        ("events", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from sedt.cli import main"),
        ("training/run", "import sedt\nfrom sedt import __version__"),
        ("package", "import sedt.build as build"),
        ("data/clips", "import sedtools"),
    ],
)
def test_what_is_allowed(tmp_path: Path, module: str, text: str) -> None:
    others = dict.fromkeys(("events", "features", "data/other", "config", "cli/main", "build"), "")
    source = tree(tmp_path, {**others, "training/run": "", module: text})
    assert row_violations(source) == []


@pytest.mark.parametrize(
    ("module", "text", "message"),
    [
        ("data/clips", "from sedt.models.sedt import SEDT", "data and models are both of row 2"),
        ("data/clips", "import sedt.models", "data and models are both of row 2"),
        ("data/clips", "from sedt import models", "data and models are both of row 2"),
        (
            "metrics/counts",
            "def f():\n    from sedt.decoding import decode",
            "metrics and decoding are both",
        ),
        (
            "losses/events",
            "try:\n    import sedt.build\nexcept ImportError:\n    pass",
            "of row 3, which is above",
        ),
        (
            "losses/events",
            "class A:\n    def f(self):\n        import sedt.build",
            "of row 3, which is above",
        ),
        ("events", "from sedt.formats import read_events", "events is of row 0, formats of row 1"),
        ("evaluation", "from sedt.detector import load", "both of row 5"),
        ("build", "from sedt import load", "import it from the module that holds it"),
        ("data/clips", "from . import sampler", "imports are absolute"),
        ("__init__", "from sedt.detector import load", "the package itself imports only row 0"),
        (
            "data/clips",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    pass\nelse:\n    import sedt.cli.main",
            "above",
        ),
    ],
)
def test_what_is_not_allowed(tmp_path: Path, module: str, text: str, message: str) -> None:
    names = ("models/sedt", "decoding/__init__", "formats", "detector", "build", "cli/main")
    source = tree(tmp_path, {**dict.fromkeys(names, ""), module: text})
    (violation,) = row_violations(source)
    assert violation.startswith(f"sedt/{module}.py:")
    assert message in violation


def test_the_line_is_named(tmp_path: Path) -> None:
    source = tree(tmp_path, {"data/clips": "import numpy\n\nimport sedt.models", "models/sedt": ""})
    assert row_violations(source)[0].startswith("sedt/data/clips.py:3: ")


def test_a_module_without_a_row_is_a_violation(tmp_path: Path) -> None:
    source = tree(tmp_path, {"helpers": "", "drawer/x": "", "events": ""})
    assert row_violations(source) == [
        f"{name} is in no row: give it one in ARCHITECTURE.md and tests/architecture.py"
        for name in ("drawer", "helpers")
    ]


def test_circles_are_found(tmp_path: Path) -> None:
    files = {"errors": "", "files": "import sedt.errors", "audio": "import sedt.files"}
    assert circle(tree(tmp_path / "a", files)) == []
    found = circle(tree(tmp_path / "b", {**files, "files": "def f():\n    import sedt.audio"}))
    assert set(found) == {"sedt.files", "sedt.audio"}


@pytest.mark.parametrize(
    ("files", "violations"),
    [
        ({"metrics/x": "import torch"}, ["sedt.metrics.x imports torch"]),
        ({"metrics/x": "def f():\n    from torch import nn"}, ["sedt.metrics.x imports torch.nn"]),
        (
            {
                "decoding/x": "from sedt.batch import B",
                "batch": "import sedt.features",
                "features": "import timm",
            },
            ["sedt.decoding.x imports sedt.batch imports sedt.features imports timm"],
        ),
        (
            {"decoding/x": "import sedt.events", "events": "", "__init__": "import torch"},
            ["sedt.decoding.x imports sedt imports torch"],
        ),
        ({"decoding/x": "import sedt.spans", "spans": "def f():\n    import torch"}, []),
        ({"models/x": "import torch", "metrics/x": "import torchlike"}, []),
    ],
)
def test_torch_is_found_directly_and_on_detours(
    tmp_path: Path, files: dict[str, str], violations: list[str]
) -> None:
    """But not inside functions of other rows: `sedt.spans` imports torch once it is given a tensor."""
    assert torch_violations(tree(tmp_path, files)) == violations
