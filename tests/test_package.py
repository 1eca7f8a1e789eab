"""Packages: round trip, and every way they can be damaged."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from sedt.errors import InputError
from sedt.package import load_package, save_package
from small_models import small_package


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_package(tmp_path / "model", small_package())
    return tmp_path / "model"


def test_round_trip(folder: Path) -> None:
    package, loaded = small_package(), load_package(folder)
    assert loaded.classes == package.classes
    assert loaded.features == package.features
    assert loaded.decoding == package.decoding
    assert loaded.info == package.info
    waveform = torch.randn(1, 160_000) * 0.1
    torch.testing.assert_close(loaded.model(waveform).spans, package.model(waveform).spans)
    assert not loaded.model.training
    assert {file.name for file in folder.iterdir()} == {"config.json", "model.safetensors", "README.md"}
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert "# small" in card
    assert "cat, dog" in card


def test_half_precision_is_half_the_size_and_nearly_the_same(tmp_path: Path) -> None:
    package = small_package()
    save_package(tmp_path / "full", package)
    save_package(tmp_path / "half", package, half=True)
    sizes = [(tmp_path / name / "model.safetensors").stat().st_size for name in ("full", "half")]
    assert sizes[1] < 0.55 * sizes[0]
    loaded = load_package(tmp_path / "half")
    assert all(t.dtype in (torch.float32, torch.int64) for t in loaded.model.state_dict().values())
    waveform = torch.randn(1, 160_000) * 0.1
    torch.testing.assert_close(
        loaded.model(waveform).spans, package.model(waveform).spans, atol=0.01, rtol=0.01
    )


def edit_config(change: Callable[[dict[str, object]], None]) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        content = json.loads((folder / "config.json").read_text())
        change(content)
        (folder / "config.json").write_text(json.dumps(content))

    return damage


def edit_tensors(change: Callable[[dict[str, torch.Tensor]], None]) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        tensors = load_file(folder / "model.safetensors")
        change(tensors)
        save_file(tensors, folder / "model.safetensors")

    return damage


NAME = "network.class_head.weight"


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda f: (f / "config.json").unlink(), "not a model package"),
        (lambda f: (f / "config.json").write_text("{"), "not JSON"),
        (lambda f: (f / "config.json").write_text("[]"), "`format`"),
        (lambda f: (f / "config.json").write_text("[" * 100_000), "not JSON"),
        (edit_config(lambda c: c["model"].update(encoder_layers=2**31)), "2147483649 layers, but"),  # type: ignore[attr-defined]
        (edit_config(lambda c: c["model"].update(ffn_size=10**18)), "no model can be built"),  # type: ignore[attr-defined]
        (edit_config(lambda c: c["features"].update(num_bands=10**20)), "no model can be built"),  # type: ignore[attr-defined]
        (edit_config(lambda c: c.update(format=99)), "`format`"),
        (edit_config(lambda c: c.update(surprise=1)), "unknown key `surprise`"),
        (edit_config(lambda c: c["model"].update(num_heads=3)), "num_heads"),  # type: ignore[attr-defined]
        (edit_config(lambda c: c["model"].update(backbone="os.system")), r"os\.system"),  # type: ignore[attr-defined]
        (edit_config(lambda c: c.update(classes=["a", "b", "c"])), "has shape"),
        (edit_config(lambda c: c.pop("classes")), "`classes`"),
        (lambda f: (f / "model.safetensors").unlink(), "not a readable safetensors"),
        (lambda f: (f / "model.safetensors").write_bytes(b"\x00" * 100), "not a readable safetensors"),
        (edit_tensors(lambda t: t.pop(NAME)), f"no tensor `{NAME}`"),
        (edit_tensors(lambda t: t.update({NAME: torch.zeros(3, 3)})), f"tensor `{NAME}` has shape"),
        (edit_tensors(lambda t: t.update({"extra": torch.zeros(1)})), "unknown tensor `extra`"),
        (edit_tensors(lambda t: t[NAME].fill_(float("nan"))), "not finite"),
    ],
)
def test_damage_is_named(folder: Path, damage: Callable[[Path], None], words: str) -> None:
    damage(folder)
    with pytest.raises(InputError, match=words) as caught:
        load_package(folder)
    assert "\n" not in str(caught.value)
    assert str(folder) in str(caught.value) or "os.system" in words.replace("\\", "")
