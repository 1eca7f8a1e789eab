"""All formats: what is written is read back, recognised, and faults are named with their place."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sedt.errors import InputError
from sedt.events import Event
from sedt.formats import FORMATS, read_events, write_events, write_folder
from sedt.formats.recognise import recognise

RESOLUTION_S = {"tsv": 1e-3, "audacity": 1e-6, "raven": 1e-4, "rttm": 2e-6, "elan": 1e-3, "webvtt": 1e-3}
"""Of times; the others keep them as they are."""

BIRDS = [Event(0.25, 1.5, "wren"), Event(1.0, 2.125, "robin"), Event(4.5, 4.75, "wren")]

times = st.floats(0, 5000, allow_nan=False).map(lambda seconds: round(seconds, 4))
labels = st.sampled_from(["dog", "Wren_(song)", "Straßen<lärm>&", 'quoted"label', "a;b,c", "42"])


@st.composite
def recordings(draw: st.DrawFn) -> list[Event]:
    """Events of which none of one label touch or overlap, since some formats would join them."""
    events, at = [], 0.0
    for label in draw(st.lists(labels, max_size=5)):
        onset = at + draw(st.floats(0.01, 100).map(lambda seconds: round(seconds, 4)))
        offset = onset + draw(st.floats(0.01, 100).map(lambda seconds: round(seconds, 4)))
        events.append(Event(onset, offset, label, draw(st.sampled_from([None, 0.5, 0.875]))))
        at = offset
    return events


def close(found: list[Event], true: list[Event], format_name: str) -> bool:
    slack = RESOLUTION_S.get(format_name, 1e-9)
    return len(found) == len(true) and all(
        a.label == b.label and abs(a.onset - b.onset) <= slack and abs(a.offset - b.offset) <= slack
        for a, b in zip(sorted(found), sorted(true), strict=True)
    )


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=recordings())
def test_what_is_written_is_read_back(tmp_path: Path, name: str, events: list[Event]) -> None:
    if name in ("rttm", "raven") and not events:
        return  # they have no place for a recording without events
    (file,) = write_folder(tmp_path / name, {"song.flac": events}, name)
    assert file.name == f"song.flac.{FORMATS[name].ending}"
    (recording,) = read_events(file)
    assert recording == "song.flac"
    assert close(read_events(file)[recording], events, name)
    if FORMATS[name].holds_scores and name not in ("scores", "raven"):
        found = sorted(read_events(file)[recording])
        assert [e.score for e in found] == [e.score for e in sorted(events)]
    if events:
        assert recognise(file) == name
        assert read_events(file, name) == read_events(file)


@pytest.mark.parametrize("name", [name for name in FORMATS if not FORMATS[name].holds_one])
def test_several_recordings_in_a_file(tmp_path: Path, name: str) -> None:
    table = {"a/one.wav": BIRDS, "b/one.wav": [Event(3, 4, "wren")]}
    path = tmp_path / f"all.{FORMATS[name].ending}"
    write_events(path, table)
    found = read_events(path)
    assert found.keys() == table.keys()
    assert all(close(found[recording], table[recording], name) for recording in table)


@pytest.mark.parametrize("name", [name for name in FORMATS if FORMATS[name].holds_one])
def test_one_recording_in_a_file_is_said(tmp_path: Path, name: str) -> None:
    path = tmp_path / f"all.{FORMATS[name].ending}"
    with pytest.raises(InputError, match=r"holds one recording in a file, not 2: write into a folder"):
        write_events(path, {"a.wav": [], "b.wav": []})
    assert not path.exists()


@pytest.mark.parametrize("name", ["textgrid", "elan"])
def test_overlaps_of_a_label_get_a_tier_of_their_own(tmp_path: Path, name: str) -> None:
    events = [Event(0, 2, "wren"), Event(1, 3, "wren"), Event(2.5, 4, "wren")]
    (file,) = write_folder(tmp_path, {"song.wav": events}, name)
    assert read_events(file) == {"song.wav": events}


def test_score_tables_hold_scores_between_edges(tmp_path: Path) -> None:
    events = [Event(0, 2, "a", 0.75), Event(1, 3, "b", 0.5)]
    (file,) = write_folder(tmp_path, {"song.wav": events}, "scores")
    assert file.read_text().splitlines() == [
        "onset\toffset\ta\tb",
        "0.0\t1\t0.7500\t0.0000",
        "1\t2\t0.7500\t0.5000",
        "2\t3\t0.0000\t0.5000",
    ]
    assert read_events(file) == {"song.wav": events}


PRAAT_LONG = """File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0
xmax = 2.3
tiers? <exists>
size = 2
item []:
    item [1]:
        class = "IntervalTier"
        name = "birds 3"
        xmin = 0
        xmax = 2.3
        intervals: size = 2
        intervals [1]:
            xmin = 0
            xmax = 1.5
            text = "a ""wren"" sang"
        intervals [2]:
            xmin = 1.5
            xmax = 2.3
            text = ""
    item [2]:
        class = "TextTier"
        name = "clicks"
        xmin = 0
        xmax = 2.3
        points: size = 1
        points [1]:
            number = 0.5
            mark = "click"
"""
ELAN = """<?xml version="1.0" encoding="UTF-8"?>
<ANNOTATION_DOCUMENT AUTHOR="" DATE="2024-01-01T00:00:00+00:00" FORMAT="3.0" VERSION="3.0">
<HEADER MEDIA_FILE="" TIME_UNITS="milliseconds">
<MEDIA_DESCRIPTOR MEDIA_URL="file:///C:/birds/dawn%20one.wav" MIME_TYPE="audio/x-wav"/></HEADER>
<TIME_ORDER><TIME_SLOT TIME_SLOT_ID="ts1" TIME_VALUE="250"/><TIME_SLOT TIME_SLOT_ID="ts2" TIME_VALUE="1500"/>
<TIME_SLOT TIME_SLOT_ID="ts3"/></TIME_ORDER>
<TIER LINGUISTIC_TYPE_REF="default" TIER_ID="wren"><ANNOTATION>
<ALIGNABLE_ANNOTATION ANNOTATION_ID="a1" TIME_SLOT_REF1="ts1" TIME_SLOT_REF2="ts2">
<ANNOTATION_VALUE></ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION></TIER>
</ANNOTATION_DOCUMENT>
"""
RAVEN_VIEWS = """Selection\tView\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\tHigh Freq (Hz)\tSpecies
1\tWaveform 1\t0.25\t1.5\t0\t8000\twren
1\tSpectrogram 1\t0.25\t1.5\t100\t9000\twren
"""
RAVEN_SEVERAL = """Selection\tBegin Time (s)\tEnd Time (s)\tBegin Path\tFile Offset (s)\tSpecies\tConfidence
1\t0.25\t1.5\tC:\\birds\\a.wav\t0.25\twren\t0.9
2\t60.5\t62\tC:\\birds\\b.wav\t0.5\trobin\t0.8
"""
STUDIO = [
    {
        "id": 1,
        "data": {"audio": "/data/upload/3/0a1b2c3d-dawn.wav"},
        "annotations": [
            {"result": [{"value": {"start": 0, "end": 1, "labels": ["robin"]}}], "was_cancelled": True},
            {"result": [{"value": {"start": 0.25, "end": 1.5, "labels": ["wren"]}, "type": "labels"}]},
        ],
    }
]
REGION = {"start": 0.25, "end": 1.5, "labels": ["wren"]}
STUDIO_MIN = [{"audio": "https://x.org/dawn.wav?k=1", "label": [REGION]}]
STUDIO_WITH_NOTES = [
    {
        "data": {"audio": "/data/local-files/?d=day%201/my%20dawn.wav"},
        "annotations": [
            {
                "result": [
                    {"value": REGION, "type": "labels"},
                    {"value": {"start": 0.25, "end": 1.5, "text": ["soft"]}, "type": "textarea"},
                    {"value": {"start": 0.25, "end": 1.5, "choices": ["song"]}, "type": "choices"},
                ]
            }
        ],
    }
]
WREN = Event(0.25, 1.5, "wren")


@pytest.mark.parametrize(
    ("name", "content", "table"),
    [
        ("x.TextGrid", PRAAT_LONG, {"x.wav": [Event(0, 1.5, 'a "wren" sang'), Event(0.5, 0.5, "click")]}),
        (
            "x.TextGrid",
            'File type = "ooTextFile"\nObject class = "TextGrid"\n\n0\n2\n<exists>\n1\n'
            '"IntervalTier"\n"t"\n0\n2\n'
            '2\n0\n0.25\n""\n0.25\n1.5\n"wren"\n',
            {"x.wav": [WREN]},
        ),
        (  # what old versions of Praat wrote as the short format
            "x.TextGrid",
            'File type = "ooTextFile short"\n"TextGrid"\n\n0\n2\n<exists>\n1\n'
            '"TextTier"\n"t"\n0\n2\n1\n0.5\n"c"\n',
            {"x.wav": [Event(0.5, 0.5, "c")]},
        ),
        ("x.eaf", ELAN, {"dawn one.wav": [WREN]}),
        ("x.Table.1.selections.txt", RAVEN_VIEWS, {"x.wav": [WREN]}),
        (
            "x.txt",
            RAVEN_SEVERAL,
            {"a.wav": [Event(0.25, 1.5, "wren", 0.9)], "b.wav": [Event(0.5, 2, "robin", 0.8)]},
        ),
        ("x.txt", "0.250000\t1.500000\twren\n\\\t100.0\t9000.0\n", {"x.wav": [WREN]}),
        ("x.wav.txt", "0.25 1.5 wren\n", {"x.wav": [WREN]}),
        ("x.rttm", "SPEAKER dawn 1 0.25 1.25 <NA> <NA> wren <NA> <NA>\n", {"dawn.wav": [WREN]}),
        ("x.txt", ";; made\nSPEAKER dawn 1 0.25 1.25 <NA> <NA> wren <NA> <NA>\n", None),
        (
            "x.vtt",
            "WEBVTT - birds\n\nNOTE none\nat all\n\n"
            "1\n00:00.250 --> 00:00:01.500 align:start\n<b>wr&#101;n</b>\n",
            {"x.wav": [WREN]},
        ),
        ("x.json", json.dumps(STUDIO), {"dawn.wav": [WREN]}),
        ("x.json", json.dumps(STUDIO_MIN), {"dawn.wav": [WREN]}),
        ("x.json", json.dumps(STUDIO_WITH_NOTES), {"my dawn.wav": [WREN]}),
        (
            "x.json",
            json.dumps(
                [{"audio": f"/data/local-files/?d={day}/0630.wav", "label": [REGION]} for day in ("a", "b")]
            ),
            {"a/0630.wav": [WREN], "b/0630.wav": [WREN]},
        ),
        (
            "x.json",
            json.dumps([{"audio": "/data/local-files/?d=20240131-063000.wav", "label": [REGION]}]),
            {"20240131-063000.wav": [WREN]},
        ),
        ("x.json", json.dumps([{"audio": "/data/rec#1/dawn.wav", "label": [REGION]}]), {"dawn.wav": [WREN]}),
        ("x.csv", "File;Start (s);Duration;Label\ndawn.wav;0.25;1.25;wren\ndusk.wav;;;\n", None),
        ("x.csv", "onset_s,offset_s,label\n0.25,1.5,wren\n", {"x.wav": [WREN]}),
        (
            "x.jsonl",
            '{"filename": "dawn.wav", "onset": 0.25, "offset": 1.5, "label": "wren"}\n',
            {"dawn.wav": [WREN]},
        ),
        ("x.txt", "filename\tonset\toffset\tevent_label\ndawn.wav\t0.25\t1.5\twren\n", {"dawn.wav": [WREN]}),
        ("x.tsv", "onset\toffset\twren\n0.25\t1\t0.6\n1\t1.5\t0.9\n1.5\t2\t0.4\n", None),
    ],
)
def test_files_of_other_programs(
    tmp_path: Path, name: str, content: str, table: dict[str, list[Event]] | None
) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    expected = {
        "x.csv": {"dawn.wav": [WREN], "dusk.wav": []},
        "x.tsv": {"x.wav": [Event(0.25, 1.5, "wren", 0.9)]},
        "x.txt": {"dawn.wav": [WREN]},
    }
    assert read_events(tmp_path / name) == (expected[name] if table is None else table)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("how", ["utf-8-sig", "utf-16", "\r\n", "\r"])
def test_what_other_systems_save(tmp_path: Path, name: str, how: str) -> None:
    """Byte order marks, UTF-16, line ends of Windows and of old Macs."""
    (file,) = write_folder(tmp_path, {"song.wav": BIRDS}, name)
    text = file.read_text(encoding="utf-8")
    encoding = how if how.startswith("utf") else "utf-8"
    file.write_bytes(text.replace("\n", how if encoding != how else "\n").encode(encoding))
    assert recognise(file) == name
    (events,) = read_events(file).values()
    assert close(events, BIRDS, name)


def test_decimal_commas_between_semicolons(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("file;start;end;label\na.wav;0,25;1,5;wren, singing\n")
    assert read_events(tmp_path / "x.csv") == {"a.wav": [Event(0.25, 1.5, "wren, singing")]}


@pytest.mark.parametrize("name", FORMATS)
def test_many_rows_take_time_in_proportion(tmp_path: Path, name: str) -> None:
    """Sixteen times the rows take sixteen times as long, not 256 times; one quick try of five is enough."""

    def seconds_for(number: int) -> float:
        events = [Event(i * 0.5, i * 0.5 + 0.25, ("wren", "robin")[i % 2]) for i in range(number)]
        start = time.process_time()
        (file,) = write_folder(tmp_path, {"song.wav": events}, name)
        (found,) = read_events(file).values()
        assert len(found) == number
        return time.process_time() - start

    few = min(seconds_for(500) for _ in range(5))
    assert any(seconds_for(8_000) < 64 * few + 0.05 for _ in range(5))


def test_praat_in_utf16(tmp_path: Path) -> None:
    (tmp_path / "x.TextGrid").write_text(PRAAT_LONG, encoding="utf-16")
    assert read_events(tmp_path / "x.TextGrid")["x.wav"][0].label == 'a "wren" sang'


BOMB = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "ccccc">]><ANNOTATION_DOCUMENT>&b;</ANNOTATION_DOCUMENT>'


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.csv", "file,start,end,label\na.wav,1,0.5,dog\n", r"x.csv:2: offset 0.5 is before onset 1.0"),
        ("x.csv", "file,start,end,label\na.wav,1,2\n", r"x.csv:2: 3 fields; the header has 4"),
        ("x.csv", "file,start,label\na.wav,1,dog\n", r"x.csv:1: no column `offset` or `duration`"),
        ("x.csv", "file,start,end,label\n,1,2,dog\n", r"x.csv:2: the file name is empty"),
        ("x.csv", "", "x.csv: is empty"),
        ("x.txt", "0\t1\tdog\n1\tnan\tdog\n", r"x.txt:2: offset is nan"),
        ("x.txt", "0\t1\t\n", r"x.txt:1: 2 fields"),
        ("x.txt", RAVEN_VIEWS.replace("0.25", "soon"), r"x.txt:2: Begin Time \(s\) 'soon' is not a number"),
        ("x.txt", RAVEN_VIEWS.replace("Species", "Notes"), r"x.txt:1: no column `Annotation`"),
        ("x.txt", RAVEN_VIEWS.replace("\twren", "\t"), r"x.txt:2: no label"),
        ("x.txt", RAVEN_SEVERAL.replace("File Offset (s)", "Offset"), r"2 recordings, but no column `File"),
        ("x.rttm", "SPEAKER a 1 0 -1 <NA> <NA> dog <NA> <NA>\n", r"x.rttm:1: offset is -1"),
        ("x.rttm", "SPEAKER a 1 0 1 <NA>\n", r"x.rttm:1: not RTTM"),
        ("x.TextGrid", PRAAT_LONG.replace("xmax = 1.5", "xmax = -1.5"), r"x.TextGrid:17: offset is -1.5"),
        ("x.TextGrid", PRAAT_LONG[:-30], r"x.TextGrid:30: ends where a text is needed"),
        ("x.TextGrid", PRAAT_LONG.replace("IntervalTier", "Sound"), r"x.TextGrid:10: a tier is IntervalTier"),
        ("x.TextGrid", "nothing", r"x.TextGrid:1: `ooTextFile` is needed, not nothing"),
        ("x.eaf", ELAN.replace('REF2="ts2"', 'REF2="ts3"'), r"x.eaf: annotation a1: has no time"),
        ("x.eaf", ELAN.replace("</TIER>", ""), r"x.eaf:10: not XML: mismatched tag"),
        ("x.eaf", BOMB, r"x.eaf: defines XML entities"),
        ("x.vtt", "WEBVTT\n\n00:03.000 --> 00:02.000\ndog\n", r"x.vtt:3: offset 2.0 is before onset 3.0"),
        ("x.vtt", "WEBVTT\n\nintro\n3 --> 4\ndog\n", r"x.vtt:4: no times"),
        ("x.vtt", "WEBVTT\n\n00:01.000 --> 00:02.000\n", r"x.vtt:3: no label"),
        ("x.vtt", "00:01.000 --> 00:02.000\ndog\n", r"x.vtt:1: not WebVTT"),
        ("x.jsonl", '{"filename": "a", "events": []}\n{"onset": 0}\n', r"x.jsonl:2: needs a `filename`"),
        ("x.jsonl", '{"filename": "a", "events": []}\n[\n', r"x.jsonl:2: not JSON"),
        ("x.jsonl", '{"filename": "a", "onset": null, "offset": 1, "label": "b"}', r"x.jsonl:1: onset None"),
        ("x.json", json.dumps([{"data": {"text": "hm"}}]), r"x.json: task 1: names no audio file"),
        ("x.json", json.dumps(STUDIO).replace('["wren"]', "[]"), r"x.json: task 1, region 1: no label"),
        ("x.json", json.dumps(STUDIO).replace("1.5", '"late"'), r"region 1: offset 'late' is not a number"),
        ("x.json", "[" * 100_000, r"x.json: not JSON"),
        ("x.tsv", "onset\toffset\twren\n0\t1\tloud\n", r"x.tsv:2: wren 'loud' is not a number"),
        ("x.vtt", ELAN, r"x.vtt: the name says webvtt, the content elan: which one is it\?"),
        ("x.csv", "file,start,end,label\na.wav,1,2,wr\xe9n\n".encode("latin-1"), r"x.csv:2: not UTF-8 text"),
        ("x.csv", "file,start,end,label\na.wav,0,1,a\0b\n", r"x.csv:2: not text: holds a zero byte"),
        ("x.txt", "0,5\t1,5\tdog\n", r"x.txt:1: onset '0,5' is not a number \(decimals stand behind a point"),
        ("x.tsv", "filename\tonset\toffset\tevent_label\na\t0,5\t1\tb\n", r"x.tsv:2: onset '0,5' is not"),
        ("x.csv", "file,start,end,label,score\na.wav,0,1,a,nan\n", r"x.csv:2: score is nan"),
        ("x.txt", RAVEN_SEVERAL.replace("\t0.25\t1.5", "\t-0.25\t1.5"), r"x.txt:2: onset is -0.25"),
        ("x.TextGrid", PRAAT_LONG.replace("xmax = 1.5", "xmax = soon"), r"x.TextGrid:17: .*'soon' is not"),
        ("x.TextGrid", PRAAT_LONG.replace("xmax = 1.5", "xmax = 1,5"), r"x.TextGrid:17: .*'1,5' is not"),
        ("x.TextGrid", PRAAT_LONG.replace("size = 2", "size = nan", 1), r"tiers cannot be nan"),
        ("x.tsv", "onset\toffset\twren\n0\tnan\t0.1\n", r"x.tsv:2: offset is nan"),
        ("x.json", '{"files": [\n{]}', r"x.json:2: not JSON: .* in column 2"),
        ("x.json", " \n", r"x.json:\d: not JSON: there is nothing in it"),
        ("x.csv", b"\xff\xfe\xfa", r"x.csv:1: not UTF-16"),
    ],
)
def test_faults_are_named_with_their_place(
    tmp_path: Path, name: str, content: str | bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError, match=message):
        read_events(tmp_path / name)


def test_a_recording_s_name_is_that_of_the_audio_beside(tmp_path: Path) -> None:
    (tmp_path / "song.opus").touch()
    (tmp_path / "song.Table.1.selections.txt").write_text(RAVEN_VIEWS)
    assert list(read_events(tmp_path / "song.Table.1.selections.txt")) == ["song.opus"]


def test_a_folder_of_several_formats(tmp_path: Path) -> None:
    (tmp_path / "day").mkdir()
    (tmp_path / "day" / "a.txt").write_text("0.25\t1.5\twren\n")
    (tmp_path / "day" / "b.TextGrid").write_text(PRAAT_LONG)
    (tmp_path / "c.csv").write_text("onset,offset,label\n0.25,1.5,wren\n")
    table = read_events(tmp_path)
    assert list(table) == ["c.wav", "day/a.wav", "day/b.wav"]
    (tmp_path / "day" / "a.vtt").write_text("WEBVTT\n\n00:00.250 --> 00:01.500\nwren\n")
    assert read_events(tmp_path) == table, "the same said twice"
    (tmp_path / "day" / "a.vtt").write_text("WEBVTT\n\n00:00.250 --> 00:02.500\nwren\n")
    with pytest.raises(InputError, match=r"a.vtt and .*a.txt disagree about day/a.wav"):
        read_events(tmp_path)


def test_names_do_not_lead_out_of_the_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="leads out of the folder"):
        write_folder(tmp_path / "out", {"../song.wav": BIRDS}, "audacity")
    assert list(tmp_path.iterdir()) == []


def test_what_a_format_cannot_hold_is_said(tmp_path: Path) -> None:
    table = {"a.wav": [Event(0, 1, "dog bark")]}
    with pytest.raises(InputError, match="'dog bark' holds a blank, which RTTM cannot"):
        write_events(tmp_path / "a.rttm", table)
    with pytest.raises(InputError, match="no such format of events"):
        write_events(tmp_path / "a.tsv", table, "mp3")


@pytest.mark.parametrize("format_name", sorted(set(FORMATS) - {"scores"}))
def test_a_folder_with_subfolders_comes_back(format_name: str, tmp_path: Path) -> None:
    table = {"day1/a.wav": [WREN], "day2/deep/a.wav": [WREN], "b.wav": [WREN]}
    write_folder(tmp_path, table, format_name)
    assert sorted(read_events(tmp_path)) == sorted(table)
