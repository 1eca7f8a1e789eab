"""Annotations of single clips: JAMS and lines of text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sedt.errors import InputError
from sedt.events import Event
from sedt.formats import read_events, read_labels


def observation(time: float, duration: float, value: Any) -> dict[str, Any]:
    return {"time": time, "duration": duration, "value": value, "confidence": 1.0}


def scaper(label: str, role: str = "foreground") -> dict[str, Any]:
    return {"label": label, "role": role, "snr": 10.0}


def write_jams(path: Path, namespace: str, data: Any, *others: dict[str, Any]) -> Path:
    annotations = [*others, {"namespace": namespace, "data": data, "sandbox": {}}]
    path.write_text(json.dumps({"file_metadata": {"duration": 10.0}, "annotations": annotations}))
    return path


def test_scaper_s_foreground_is_read_and_its_background_is_not(tmp_path: Path) -> None:
    data = [
        observation(0.0, 10.0, scaper("street", "background")),
        observation(4.5, 1.0, scaper("dog_bark")),
        observation(0.5, 2.0, scaper("siren")),
    ]
    write_jams(tmp_path / "a.jams", "scaper", data)
    assert read_events(tmp_path / "a.jams") == {
        "a.wav": [Event(0.5, 2.5, "siren"), Event(4.5, 5.5, "dog_bark")]
    }


@pytest.mark.parametrize("namespace", ["sound_event", "segment_open", "tag_open"])
def test_plain_values_and_columns_in_the_place_of_rows(tmp_path: Path, namespace: str) -> None:
    columns = {"time": [1.0, 3.0], "duration": [1.0, 0.5], "value": ["a", "b"], "confidence": [1, 1]}
    write_jams(tmp_path / "a.jams", namespace, columns, {"namespace": "beat", "data": []})
    assert read_events(tmp_path) == {"a.wav": [Event(1, 2, "a"), Event(3, 3.5, "b")]}


def test_overlaps_of_a_class_are_joined_by_number_not_by_text(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(
        "9.5\t10.5\tdog bark\r\n10.0 11.0 dog bark\n9.0 9.2 dog bark\n\n9.6 9.9 siren"
    )
    assert read_events(tmp_path) == {
        "a.wav": [Event(9.0, 9.2, "dog bark"), Event(9.5, 11.0, "dog bark"), Event(9.6, 9.9, "siren")]
    }


def test_joined_events_are_told(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("0 2 x\n1 3 x\n1 3 y\n")
    mends: list[tuple[str, str]] = []
    read_labels(tmp_path, mends)
    assert mends == [("a.wav", "overlapping events of one class joined")]


def test_byte_order_marks_and_hidden_files(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbf0 1 x\r\n")
    (tmp_path / "._a.txt").write_bytes(b"\x00\x05\x16\x07")  # what some systems leave in archives
    assert read_events(tmp_path) == {"a.wav": [Event(0, 1, "x")]}
    content = {"annotations": [{"namespace": "sound_event", "data": [observation(0, 1, "x")]}]}
    (tmp_path / "b.jams").write_bytes(
        b"\xef\xbb\xbf" + json.dumps(content, indent=1).replace("\n", "\r\n").encode()
    )
    assert read_events(tmp_path) == {"b.wav": [Event(0, 1, "x")]}


def test_a_folder_is_read_in_order_and_jams_go_before_text(tmp_path: Path) -> None:
    for name in ("b", "a"):
        (tmp_path / f"{name}.txt").write_text("0 1 x")
    (tmp_path / "empty.txt").write_text("")
    assert list(read_events(tmp_path).items()) == [
        ("a.wav", [Event(0, 1, "x")]),
        ("b.wav", [Event(0, 1, "x")]),
        ("empty.wav", []),
    ]
    write_jams(tmp_path / "c.jams", "scaper", [])
    assert read_events(tmp_path) == {"c.wav": []}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("1.0 2.0", r"a.txt:1: 2 fields; `onset offset label` is needed"),
        ("0 1 x\none 2 x", r"a.txt:2: onset 'one' is not a number"),
        ("0 1 x\n\n-1 2 x", r"a.txt:3: onset is -1.0: seconds cannot be negative"),
        ("3 2 x", r"a.txt:1: offset 2.0 is before onset 3.0"),
        ("0 nan x", r"a.txt:1: offset is nan"),
    ],
)
def test_wrong_lines(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "a.txt").write_text(content)
    with pytest.raises(InputError, match=message):
        read_events(tmp_path)


def test_wrong_jams(tmp_path: Path) -> None:
    file = tmp_path / "a.jams"
    for content, message in (
        ("{", "a.jams:1: not JSON"),
        ("[" * 100_000, "a.jams: not JSON"),
        ('{"annotations": [{"namespace": ["scaper"], "data": []}]}', "no annotation with namespace scaper"),
        ("[]", "no list `annotations`"),
        ('{"annotations": [{"namespace": "beat", "data": []}]}', "no annotation with namespace scaper"),
    ):
        file.write_text(content)
        with pytest.raises(InputError, match=message):
            read_events(file)
    for row, message in (
        (observation(0, 1, None), "a.jams: observation 1: no label"),
        ({"time": 0, "value": "x"}, "observation 1: duration None is not a number"),
        (observation(-1, 1, "x"), "observation 1: onset is -1"),
        (observation(10**400, 1, "x"), "observation 1: time 1000"),
        (observation(1, -2, "x"), "observation 1: offset is -1"),
    ):
        write_jams(file, "sound_event", [row])
        with pytest.raises(InputError, match=message):
            read_events(file)
    with pytest.raises(InputError, match="cannot be read"):
        read_events(tmp_path / "b.jams")
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match=r"no annotations \(.tsv, .csv, .txt"):
        read_events(tmp_path / "folder")
