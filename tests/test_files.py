from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from sedt.errors import InputError
from sedt.files import atomic_path, remove_leftovers, write_text


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_write_and_replace(tmp_path: Path) -> None:
    target = tmp_path / "new" / "folder" / "events.tsv"
    write_text(target, "one\n")
    write_text(target, "zwölf\n")
    assert target.read_bytes() == "zwölf\n".encode()
    assert names(target.parent) == ["events.tsv"]


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "model.bin"
    target.write_text("old")

    def fail() -> None:
        with atomic_path(target) as temporary:
            temporary.write_text("half of the n")
            raise RuntimeError("cut off")

    with pytest.raises(RuntimeError, match="cut off"):
        fail()
    assert target.read_text() == "old"
    assert names(tmp_path) == ["model.bin"]


def test_readers_see_the_old_file_until_the_end(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")
    with atomic_path(target) as temporary:
        temporary.write_text("new")
        assert target.read_text() == "old"
    assert target.read_text() == "new"


def test_the_temporary_file_lies_beside_and_keeps_the_suffix(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "clip.flac") as temporary:
        assert temporary.parent == tmp_path
        assert temporary.suffix == ".flac"
        assert temporary.name.startswith(".")


def test_rights_are_those_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("")
    write_text(tmp_path / "atomic", "")
    plain, atomic = (stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("plain", "atomic"))
    assert atomic == plain


def test_the_longest_name_that_the_system_takes(tmp_path: Path) -> None:
    target = tmp_path / ("ö" * 125 + ".json")
    write_text(target, "{}")
    assert names(tmp_path) == [target.name]


def test_many_writers_of_one_file(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    threads = [threading.Thread(target=write_text, args=(target, str(i) * 9999)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    text = target.read_text()
    assert len(text) == 9999
    assert len(set(text)) == 1
    assert names(tmp_path) == ["a.txt"]


def test_a_file_in_the_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("")
    target = tmp_path / "runs" / "a.txt"
    with pytest.raises(InputError) as caught:
        write_text(target, "")
    assert str(caught.value).startswith(f"{target}: cannot be written: ")


def test_a_folder_in_the_place_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        write_text(tmp_path, "")
    assert names(tmp_path) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_the_right_to_write(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(InputError, match=r"a\.txt: cannot be written: Permission denied"):
            write_text(tmp_path / "a.txt", "")
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="no /proc on this system")
def test_a_folder_that_nobody_may_write_in() -> None:
    """For root as well: the kernel makes no files in /proc."""
    with pytest.raises(InputError, match=r"^/proc/self/a\.txt: cannot be written: "):
        write_text("/proc/self/a.txt", "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")

    def fill() -> None:
        with atomic_path(target) as temporary:
            temporary.unlink()
            temporary.symlink_to("/dev/full")
            temporary.write_text("new")

    with pytest.raises(InputError) as caught:
        fill()
    assert str(caught.value) == f"{target}: cannot be written: {os.strerror(errno.ENOSPC)}"
    assert target.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_input_errors_of_the_writer_pass_as_they_are(tmp_path: Path) -> None:
    def fail() -> None:
        with atomic_path(tmp_path / "a.txt"):
            raise InputError("line 3: no")

    with pytest.raises(InputError, match=r"^line 3: no$"):
        fail()
    assert names(tmp_path) == []


def test_text_that_is_none(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.wav")  # what Python makes of a file name that is not UTF-8
    with pytest.raises(InputError, match=r"a.txt: cannot hold 'caf.*not valid text"):
        write_text(tmp_path / "a.txt", name)
    assert names(tmp_path) == []


FILL = """
import resource, sys
from pathlib import Path
import numpy as np, torch
from sedt.audio import write_audio
from sedt.errors import InputError
from sedt.events import Event
from sedt.files import write_text
from sedt.package import save_tensors
from sedt.pictures import draw_events
noise = np.random.default_rng(0).standard_normal(160_000).astype(np.float32) * 0.1
writers = {
    "a.wav": lambda path: write_audio(path, noise, 16_000),
    "a.flac": lambda path: write_audio(path, noise, 16_000),
    "a.ogg": lambda path: write_audio(path, noise, 16_000),
    "a.safetensors": lambda path: save_tensors(path, {"x": torch.zeros(100_000)}),
    "a.txt": lambda path: write_text(path, "x" * 100_000),
    "a.png": lambda path: draw_events(path, noise, 16_000, [Event(1, 2, "dog")], title="a"),
}
writers["a.png"](Path(sys.argv[1]) / "warm.png")  # matplotlib writes a list of fonts, once
(Path(sys.argv[1]) / "warm.png").unlink()
resource.setrlimit(resource.RLIMIT_FSIZE, (5_000, 5_000))
for name, write in writers.items():
    path = Path(sys.argv[1]) / name
    try:
        write(path)
    except InputError as error:
        print(str(error).startswith(f"{path}: cannot be written: ") or error, path.read_text())
"""


def test_a_file_that_cannot_grow_leaves_the_old_one(tmp_path: Path) -> None:
    """A limit on the size of files stands in for a full disk: writes fail half-way, in whatever library."""
    written = [f"a.{ending}" for ending in ("wav", "flac", "ogg", "safetensors", "txt", "png")]
    for name in written:
        (tmp_path / name).write_text("old")
    done = subprocess.run(
        [sys.executable, "-c", FILL, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["True old"] * len(written)
    assert names(tmp_path) == sorted(written)


def test_what_killed_writers_left_is_removed(tmp_path: Path) -> None:
    for name in ("a.txt", ".hidden", ".a.0123456789abcdef.txt.bak.0", "b/.best.notsixteenhexdig.txt"):
        write_text(tmp_path / name, "")
    before = sorted(tmp_path.rglob("*"))
    with atomic_path(tmp_path / "b" / "best.safetensors") as temporary:
        os.link(temporary, tmp_path / "kept")
        left = temporary.name
    os.link(tmp_path / "kept", tmp_path / "b" / left)
    for path in (tmp_path / "kept", tmp_path / "b" / "best.safetensors"):
        path.unlink()
    remove_leftovers(tmp_path, older_s=3600)
    assert sorted(tmp_path.rglob("*")) != before, "another process may be writing it now"
    remove_leftovers(tmp_path)
    assert sorted(tmp_path.rglob("*")) == before
