"""What `sedt new` sees in a folder: recordings, labels of any format, and what does not fit together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sedt.audio import write_audio
from sedt.errors import InputError
from sedt.events import Event
from sedt.formats import FORMATS, read_events, write_events, write_folder
from sedt.planning.survey import survey

RATE = 8000
EVENTS = [Event(0.5, 0.9, "bell"), Event(1.25, 2.0, "dog")]


def recordings(folder: Path, *names: str, seconds: float = 4.0) -> None:
    for name in names:
        noise = np.random.default_rng(len(name)).standard_normal(round(seconds * RATE)).astype(np.float32)
        write_audio(folder / name, noise * 0.1, RATE)


@pytest.mark.parametrize("format_name", sorted(set(FORMATS) - {"scores"}))
def test_labels_of_every_format_are_found(tmp_path: Path, format_name: str) -> None:
    recordings(tmp_path, "a.wav", "deep/b.wav", "c.wav")
    table = {"a.wav": EVENTS, "deep/b.wav": EVENTS[:1]}
    one = FORMATS[format_name]
    if one.holds_one:
        write_folder(tmp_path, table, format_name)
    else:
        write_events(tmp_path / f"labels.{one.ending}", table, format_name)
    found = survey(tmp_path)
    assert sorted(found.durations) == ["a.wav", "c.wav", "deep/b.wav"]
    assert {name: [e.label for e in events] for name, events in found.events.items() if events} == {
        "a.wav": ["bell", "dog"],
        "deep/b.wav": ["bell"],
    }
    assert found.events["a.wav"][1].onset == pytest.approx(1.25, abs=0.001)
    assert not found.without_audio
    assert not found.broken_labels


def test_labels_whose_first_recordings_have_no_events(tmp_path: Path) -> None:
    silent = {f"{number:03}.wav": [] for number in range(200)}
    recordings(tmp_path, "a.wav")
    write_events(tmp_path / "labels.json", {**silent, "a.wav": EVENTS})
    assert (tmp_path / "labels.json").read_text(encoding="utf-8").index("bell") > 4096
    assert survey(tmp_path).events["a.wav"] == EVENTS


def test_what_sedt_serve_answered_is_labels(tmp_path: Path) -> None:
    recordings(tmp_path, "a.wav")
    event = '{"onset":0.5,"offset":0.9,"event_label":"bell","score":0.8}'
    answer = f'{{"filename":"a.wav","duration":4.0,"model":"demo","events":[{event}]}}'
    (tmp_path / "a.json").write_text(answer, encoding="utf-8")
    assert survey(tmp_path).events["a.wav"] == [Event(0.5, 0.9, "bell", 0.8)]


def test_text_in_another_encoding(tmp_path: Path) -> None:
    recordings(tmp_path, "a.wav")
    (tmp_path / "a.txt").write_text("0.5\t0.9\tbell\n", encoding="utf-16")
    (tmp_path / "readme.txt").write_bytes("Geräusche der Straße".encode("latin-1"))
    found = survey(tmp_path)
    assert found.events["a.wav"] == EVENTS[:1]
    assert not found.broken_labels


def test_labels_in_a_folder_that_mirrors_the_audio(tmp_path: Path) -> None:
    recordings(tmp_path, "audio/one/x.wav", "audio/two/x.wav")
    write_folder(tmp_path / "labels", {"one/x.wav": EVENTS, "two/x.wav": EVENTS[:1]}, "audacity")
    found = survey(tmp_path)
    assert {name: len(events) for name, events in found.events.items()} == {
        "audio/one/x.wav": 2,
        "audio/two/x.wav": 1,
    }


def test_labels_elsewhere(tmp_path: Path) -> None:
    recordings(tmp_path / "audio", "a.wav")
    write_events(tmp_path / "mine.tsv", {"a.wav": EVENTS})
    assert survey(tmp_path / "audio", tmp_path / "mine.tsv").events["a.wav"] == EVENTS
    with pytest.raises(InputError, match="no labels of events"):
        survey(tmp_path / "audio")
    with pytest.raises(InputError, match=r"other\.tsv: no such label file"):
        survey(tmp_path / "audio", tmp_path / "other.tsv")


def test_what_does_not_fit_is_counted(tmp_path: Path) -> None:
    recordings(tmp_path, "a.wav", "b.wav")
    (tmp_path / "broken.wav").write_bytes(b"no audio at all")
    beyond = [*EVENTS, Event(4.5, 5.0, "dog")]
    write_events(tmp_path / "labels.tsv", {"a.wav": beyond, "gone.wav": EVENTS, "broken.wav": EVENTS})
    (tmp_path / "notes.txt").write_text("Recorded by the river.\n", encoding="utf-8")
    (tmp_path / "b.TextGrid").write_text("File type = ooTextFile\nnonsense", encoding="utf-8")
    found = survey(tmp_path)
    assert found.events == {"a.wav": EVENTS}
    assert found.num_beyond == 1
    assert sorted(found.without_audio) == ["broken.wav", "gone.wav"]
    assert list(found.broken) == ["broken.wav"]
    assert [Path(file).name for file in found.broken_labels] == ["b.TextGrid"]
    assert [file.name for file in found.label_files] == ["labels.tsv"]


def test_two_files_may_agree_but_not_disagree(tmp_path: Path) -> None:
    recordings(tmp_path, "a.wav")
    write_events(tmp_path / "labels.tsv", {"a.wav": EVENTS})
    write_events(tmp_path / "a.jams", {"a.wav": EVENTS})
    assert survey(tmp_path).events["a.wav"] == EVENTS
    write_events(tmp_path / "labels.tsv", {"a.wav": [Event(0.6, 0.9, "bell"), EVENTS[1]]})
    with pytest.raises(InputError, match=r"labels\.tsv and .*a\.jams disagree about a\.wav"):
        survey(tmp_path)


def test_the_only_label_file_is_broken(tmp_path: Path) -> None:
    recordings(tmp_path, "a.wav")
    (tmp_path / "labels.tsv").write_text("filename\tonset\toffset\tevent_label\na.wav\tx\t2\tdog\n", "utf-8")
    with pytest.raises(InputError, match=r"labels\.tsv:2: onset"):
        survey(tmp_path)


def test_no_audio_no_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        survey(tmp_path / "nowhere")
    with pytest.raises(InputError, match="no audio files"):
        survey(tmp_path)
    (tmp_path / "a.wav").write_bytes(b"")
    with pytest.raises(InputError, match=r"a\.wav"):
        survey(tmp_path)


def test_what_the_labels_say_of_the_split(tmp_path: Path) -> None:
    recordings(tmp_path, "a.wav", "b.wav", "c.wav")
    rows = ["filename\tonset\toffset\tevent_label\tsplit"]
    rows += [f"{n}.wav\t0.5\t1.0\tdog\t{part}" for n, part in (("a", "train"), ("b", "val"), ("c", "test"))]
    (tmp_path / "strong.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    assert survey(tmp_path).parts == {"a.wav": "train", "b.wav": "validation", "c.wav": "test"}


def test_of_two_recordings_of_one_name_none_is_guessed(tmp_path: Path) -> None:
    recordings(tmp_path, "one/x.wav", "two/x.wav", "y.wav")
    write_events(tmp_path / "labels.tsv", {"x.wav": EVENTS, "two/x.wav": EVENTS[:1], "y.wav": EVENTS})
    found = survey(tmp_path)
    assert sorted(found.events) == ["two/x.wav", "y.wav"]
    assert found.without_audio == ["x.wav"]


def test_labels_stay_with_their_recording_though_it_is_broken_or_gone(tmp_path: Path) -> None:
    """Recorders in the field call files by the time, the same at every place."""
    recordings(tmp_path, "B/0630.wav", "C/0630.wav", "C/0700.wav")
    for name in ("A", "D"):
        (tmp_path / name).mkdir()
    (tmp_path / "A" / "0630.wav").write_bytes(b"")  # an empty battery
    table = {"A/0630.wav": EVENTS[:1], "C/0800.wav": EVENTS, "B/0630.wav": EVENTS}
    write_folder(tmp_path, table, "audacity")
    found = survey(tmp_path)
    assert found.events == {"B/0630.wav": EVENTS}
    assert sorted(found.without_audio) == ["A/0630.wav", "C/0800.wav"]
    assert list(found.broken) == ["A/0630.wav"]


def test_a_folder_s_own_table_means_no_other_folder(tmp_path: Path) -> None:
    recordings(tmp_path, "A/0700.wav", "B/0630.wav", "C/deep/0800.wav")
    write_events(tmp_path / "A" / "labels.csv", {"0630.wav": EVENTS, "0700.wav": EVENTS[:1]})
    found = survey(tmp_path)
    assert found.events == {"A/0700.wav": EVENTS[:1]}
    assert found.without_audio == ["A/0630.wav"]
    write_events(tmp_path / "A" / "labels.csv", {"0630.wav": EVENTS, "0800.wav": EVENTS})  # a table of all
    assert sorted(survey(tmp_path).events) == ["B/0630.wav", "C/deep/0800.wav"]


def test_a_folder_of_labels_elsewhere_mirrors_the_audio(tmp_path: Path) -> None:
    recordings(tmp_path / "audio", "A/dawn.wav", "B/dawn.wav")
    write_folder(tmp_path / "labels", {"A/dawn.wav": EVENTS, "B/dawn.wav": EVENTS[:1]}, "audacity")
    found = survey(tmp_path / "audio", tmp_path / "labels")
    assert {name: len(events) for name, events in found.events.items()} == {"A/dawn.wav": 2, "B/dawn.wav": 1}


def test_labels_behind_a_link(tmp_path: Path) -> None:
    recordings(tmp_path / "elsewhere", "a.WAV")
    write_folder(tmp_path / "elsewhere", {"a.WAV": EVENTS}, "audacity")
    (tmp_path / "all").mkdir()
    (tmp_path / "all" / "day1").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "circle").symlink_to(tmp_path / "all")
    assert survey(tmp_path / "all").events == {"day1/a.WAV": EVENTS}
    assert list(read_events(tmp_path / "all")) == ["day1/a.WAV"]


def test_a_split_of_another_name_is_told(tmp_path: Path) -> None:
    recordings(tmp_path, "a.wav")
    text = "filename\tonset\toffset\tevent_label\tsplit\na.wav\t0.5\t1.0\tdog\tunseen\n"
    (tmp_path / "labels.tsv").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"labels\.tsv:2: split 'unseen' is none of train, "):
        survey(tmp_path)
    tested = text.replace("unseen", "Testing")
    (tmp_path / "labels.tsv").write_text(tested, encoding="utf-8")
    assert survey(tmp_path).parts == {"a.wav": "test"}
    (tmp_path / "labels.tsv").write_text(f"{tested}a.wav\t2\t3\tdog\ttrain\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"labels\.tsv:3: a\.wav is for train, before for test"):
        survey(tmp_path)
