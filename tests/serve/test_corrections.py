"""Corrected labels are saved where `sedt new` finds them, and nowhere else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile
from serving import RECORDING, post, serving

from sedt.audio import read_audio
from sedt.planning.survey import survey

EVENTS = [
    {"onset": 1.5, "offset": 3, "event_label": "dog", "score": None},
    {"onset": 2, "offset": 4.25, "event_label": "my own class"},
]


def save(
    address: str, events: Any = EVENTS, name: str = "a.ogg", data: bytes | None = None
) -> httpx.Response:
    file = (name, RECORDING.read_bytes() if data is None else data)
    text = events if isinstance(events, str) else json.dumps(events)
    return post(address, "/corrections", files={"file": file}, data={"events": text})


def test_a_folder_for_sedt_new(tmp_path: Path) -> None:
    folder = tmp_path / "corrected"
    folder.mkdir()
    other = tmp_path / "other.wav"
    soundfile.write(other, np.zeros(16_000), 16_000)
    with serving(corrections=folder) as address:
        assert save(address).json() == {"saved": "a.ogg"}
        assert save(address, EVENTS[:1]).json() == {"saved": "a.ogg"}, "the labels are replaced"
        assert save(address, [], data=other.read_bytes()).json() == {"saved": "a_2.ogg"}
        assert save(address, EVENTS[1:], data=other.read_bytes()).json() == {"saved": "a_2.ogg"}
        assert save(address, EVENTS[1:], name="a.wav", data=other.read_bytes()).json() == {"saved": "a.wav"}
        assert save(address, [], name="ä b.ogg").json() == {"saved": "ä b.ogg"}
    names = ["a.ogg", "a.wav", "a_2.ogg", "ä b.ogg"]
    assert sorted(path.name for path in folder.iterdir()) == sorted(names + [f"{name}.tsv" for name in names])
    assert (folder / "a.ogg").read_bytes() == RECORDING.read_bytes()
    assert len(read_audio(folder / "a_2.ogg", 16_000)) == 16_000
    found = survey(folder)
    assert [(e.onset, e.offset, e.label) for e in found.events["a.ogg"]] == [(1.5, 3, "dog")]
    assert set(found.durations) == set(names)
    assert found.events["ä b.ogg"] == []


@pytest.mark.parametrize(
    ("options", "status", "told"),
    [
        ({"name": "../a.ogg"}, 400, "must not have a path"),
        ({"name": "a"}, 400, "needs an ending of audio"),
        ({"name": "a.tsv"}, 400, "needs an ending of audio"),
        ({"data": b"no audio"}, 400, "a.ogg: not audio"),
        ({"events": "no json"}, 422, "events: "),
        ({"events": '{"a": 1}'}, 422, "events: "),
        (
            {"events": [{"onset": 3, "offset": 1, "event_label": "x"}]},
            400,
            "events[0]: offset 1.0 is before onset",
        ),
        ({"events": [{"onset": 0, "offset": 1, "event_label": "x\ny"}]}, 400, ""),
        (
            {"events": [{"onset": 0, "offset": 1, "event_label": ""}]},
            422,
            "events.0.event_label: ",
        ),
    ],
)
def test_what_is_refused_leaves_nothing(
    tmp_path: Path, options: dict[str, Any], status: int, told: str
) -> None:
    (tmp_path / "in").mkdir()
    with serving(corrections=tmp_path / "in") as address:
        response = save(address, **options)
        missing = post(address, "/corrections")
    assert (response.status_code, missing.status_code) == (status, 422), response.text
    assert told in response.json()["detail"]
    assert "events" in missing.json()["detail"]
    assert [path.name for path in tmp_path.rglob("*")] == ["in"]


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "outside.ogg").write_bytes(b"mine")
    (tmp_path / "in" / "a.ogg").symlink_to(tmp_path / "outside.ogg")
    (tmp_path / "in" / "b.ogg").symlink_to(tmp_path / "new.ogg")
    with serving(corrections=tmp_path / "in") as address:
        assert save(address).json() == {"saved": "a_2.ogg"}
        assert save(address, name="b.ogg").json() == {"saved": "b_2.ogg"}
    assert (tmp_path / "outside.ogg").read_bytes() == b"mine"
    assert not (tmp_path / "new.ogg").exists()
