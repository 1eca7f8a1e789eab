"""Maps on the disk: what is written is read; what was cut off, or is of something else, is not."""

from __future__ import annotations

import os
import pickle
import shutil
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import torch

from sedt.data.kept_maps import KeptMaps
from sedt.errors import InputError

SHAPE = (3, 5, 2)
ROW_BYTES = 8 + 2 * 3 * 5 * 2


def store(folder: Path, num_clips: int = 4, made_by: str = "a", max_bytes: float = 1e6) -> KeptMaps:
    maps = KeptMaps(folder / "maps", num_clips, SHAPE, made_by, max_bytes)
    maps.open()
    return maps


def test_what_is_written_is_read(tmp_path: Path) -> None:
    maps = store(tmp_path)
    made = [torch.randn(SHAPE).bfloat16() for _ in range(4)]
    assert all(maps.read(row) is None for row in range(4))
    for row in (2, 0):
        maps.write(row, made[row], 100 + row)
    for reader in (maps, store(tmp_path), pickle.loads(pickle.dumps(maps))):
        for row in (0, 2):
            kept = reader.read(row)
            assert kept is not None
            assert torch.equal(kept.feature_map, made[row])
            assert kept.num_samples == 100 + row
        assert reader.read(1) is None
        assert reader.read(7) is None


def test_the_disk_is_bounded(tmp_path: Path) -> None:
    maps = store(tmp_path, num_clips=1000, max_bytes=2.5 * ROW_BYTES)
    assert maps.num_rows == 2
    for row in range(5):
        maps.write(row, torch.ones(SHAPE), 1)
    assert [maps.read(row) is not None for row in range(5)] == [True, True, False, False, False]
    assert (tmp_path / "maps" / "maps.bin").stat().st_size == 2 * ROW_BYTES
    assert store(tmp_path / "none", max_bytes=10).read(0) is None


@pytest.mark.parametrize("place", [0, 5, 9, ROW_BYTES - 1])
def test_a_row_that_was_cut_off_counts_as_empty(tmp_path: Path, place: int) -> None:
    store(tmp_path).write(1, torch.randn(SHAPE), 7)
    file = tmp_path / "maps" / "maps.bin"
    content = bytearray(file.read_bytes())
    content[ROW_BYTES + place] ^= 1
    file.write_bytes(content)
    maps = store(tmp_path)
    assert maps.read(1) is None
    maps.write(1, torch.ones(SHAPE), 7)
    assert maps.read(1) is not None


def test_maps_of_something_else_are_thrown_away(tmp_path: Path) -> None:
    store(tmp_path).write(0, torch.ones(SHAPE), 7)
    assert store(tmp_path).read(0) is not None
    assert store(tmp_path, made_by="b").read(0) is None
    assert store(tmp_path).read(0) is None
    (tmp_path / "maps" / "maps.json").write_text("{", encoding="utf-8")
    assert store(tmp_path).read(0) is None


def test_the_folder_may_be_deleted(tmp_path: Path) -> None:
    maps = store(tmp_path)
    other = pickle.loads(pickle.dumps(maps))
    maps.write(0, torch.ones(SHAPE), 7)
    shutil.rmtree(tmp_path / "maps")
    assert maps.read(0) is not None  # still mapped
    assert other.read(0) is None
    other.write(0, torch.ones(SHAPE), 7)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "maps").write_text("a file", encoding="utf-8")
    with pytest.raises(InputError, match=r"maps\.bin: cannot be written"):
        store(tmp_path)


def test_a_full_disk_is_one_error_before_anything_is_learned(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"maps\.bin: cannot be written: (No space left|File too large)"):
        store(tmp_path, num_clips=10**15, max_bytes=1e17)
    assert not (tmp_path / "maps" / "maps.bin").exists()


def test_a_killed_writer_leaves_whole_rows(tmp_path: Path) -> None:
    script = textwrap.dedent(
        f"""
        import torch
        from pathlib import Path
        from sedt.data.kept_maps import KeptMaps
        maps = KeptMaps(Path({str(tmp_path)!r}) / "maps", 4, {SHAPE}, "a", 1e6)
        maps.open()
        for row in range(3):
            maps.write(row, torch.full({SHAPE}, float(row + 1)), row)
        print("written", flush=True)
        while True:
            maps.write(3, torch.randn({SHAPE}), 3)
        """
    )
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "written\n"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    maps = store(tmp_path)
    for row in range(3):
        kept = maps.read(row)
        assert kept is not None
        assert (kept.feature_map == row + 1).all()
