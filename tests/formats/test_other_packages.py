"""What the packages of these formats say of our files, and what we say of theirs: the same events.

They come with the extra `dev`; without one of them its tests are skipped.
"""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any

import pytest

from sedt.events import Event
from sedt.formats import read_events, write_folder

EVENTS = [
    Event(0.25, 1.5, "wren"),
    Event(1.0, 2.125, "robin (song)"),  # no quotation marks: several of the packages don't escape them
    Event(4.5, 4.7503, "wren"),
    Event(61.0625, 62.0, "Straße & <Lärm>"),
]
NAME = "song.wav"
Triple = tuple[float, float, str]


def package(name: str) -> Any:
    return pytest.importorskip(name, reason=f"{name} is not installed (extra `dev`)")


def ours(folder: Path, format_name: str) -> Path:
    (file,) = write_folder(folder, {NAME: EVENTS}, format_name)
    return file


def triples(events: list[Event]) -> list[Triple]:
    return [(one.onset, one.offset, one.label) for one in events]


def same(found: list[Triple], resolution_s: float = 1e-9) -> bool:
    pairs = zip(sorted(found), triples(sorted(EVENTS)), strict=True)
    return all(
        a[2] == b[2] and abs(a[0] - b[0]) <= resolution_s and abs(a[1] - b[1]) <= resolution_s
        for a, b in pairs
    )


def read(path: Path) -> list[Triple]:
    (events,) = read_events(path).values()
    return triples(events)


def test_textgrid_reads_ours(tmp_path: Path) -> None:
    tiers = package("textgrid").TextGrid.fromFile(ours(tmp_path, "textgrid"))
    assert same([(one.minTime, one.maxTime, one.mark) for tier in tiers for one in tier if one.mark])


def test_textgrid_s_are_read(tmp_path: Path) -> None:
    textgrid = package("textgrid")
    grid = textgrid.TextGrid(maxTime=70)
    for label in sorted({one.label for one in EVENTS}):
        tier = textgrid.IntervalTier(name=label, maxTime=70)
        for one in EVENTS:
            if one.label == label:
                tier.add(one.onset, one.offset, label)
        grid.append(tier)
    clicks = textgrid.PointTier(name="clicks", maxTime=70)
    clicks.add(3.5, "click")
    grid.append(clicks)
    grid.write(tmp_path / "song.TextGrid")
    found = read(tmp_path / "song.TextGrid")
    assert (3.5, 3.5, "click") in found
    assert same([one for one in found if one[2] != "click"])


def test_praat_textgrids_reads_ours_and_is_read(tmp_path: Path) -> None:
    grid = package("textgrids").TextGrid(str(ours(tmp_path, "textgrid")))
    assert same([(one.xmin, one.xmax, one.text) for tier in grid.values() for one in tier if one.text])
    for number, form in enumerate(("long", "short")):
        path = tmp_path / f"{number}.TextGrid"
        grid.write(str(path), fmt=getattr(package("textgrids"), f"TEXT_{form.upper()}"))
        assert same(read(path)), form


def test_jams_reads_ours(tmp_path: Path) -> None:
    content = package("jams").load(str(ours(tmp_path, "jams")), strict=True)
    (annotation,) = content.annotations
    assert same([(one.time, one.time + one.duration, one.value) for one in annotation])
    assert content.file_metadata.title == NAME


@pytest.mark.parametrize("namespace", ["segment_open", "tag_open"])
def test_jams_is_read(tmp_path: Path, namespace: str) -> None:
    jams = package("jams")
    annotation = jams.Annotation(namespace=namespace, time=0, duration=70)
    for one in EVENTS:
        annotation.append(time=one.onset, duration=one.duration, value=one.label, confidence=1)
    content = jams.JAMS(annotations=[annotation])
    content.file_metadata.duration = 70
    content.save(str(tmp_path / "song.jams"))
    assert list(read_events(tmp_path / "song.jams")) == [NAME]
    assert same(read(tmp_path / "song.jams"))


def test_pympi_reads_ours(tmp_path: Path) -> None:
    elan = package("pympi").Elan.Eaf(str(ours(tmp_path, "elan")))
    found = [
        (start / 1000, end / 1000, value)
        for tier in elan.get_tier_names()
        for start, end, value, *_ in elan.get_annotation_data_for_tier(tier)
    ]
    assert same(found, 1e-3)
    assert elan.get_linked_files()[0]["MEDIA_URL"] == NAME


def test_pympi_s_are_read(tmp_path: Path) -> None:
    elan = package("pympi").Elan.Eaf()
    elan.add_tier("birds")
    for one in EVENTS[:1] + EVENTS[2:]:
        elan.add_annotation("birds", round(one.onset * 1000), round(one.offset * 1000), one.label)
    elan.add_tier("others")  # overlaps are in a tier of their own
    elan.add_annotation("others", 1000, 2125, EVENTS[1].label)
    elan.add_linked_file(NAME, mimetype="audio/x-wav")
    elan.to_file(str(tmp_path / "x.eaf"))
    assert list(read_events(tmp_path / "x.eaf")) == [NAME]
    assert same(read(tmp_path / "x.eaf"), 1e-3)


def test_webvtt_reads_ours_and_is_read(tmp_path: Path) -> None:
    captions = package("webvtt").read(str(ours(tmp_path, "webvtt")))
    # The package leaves texts as they are written, and its own seconds are whole ones.
    assert [html.unescape(one.text) for one in captions] == [one.label for one in sorted(EVENTS)]
    assert [one.start for one in captions] == ["00:00:00.250", "00:00:01.000", "00:00:04.500", "00:01:01.062"]
    captions.save(str(tmp_path / "again.vtt"))
    assert same(read(tmp_path / "again.vtt"), 1e-3)


def test_crowsetta_reads_ours(tmp_path: Path) -> None:
    formats = package("crowsetta").formats
    track = formats.seq.AudSeq.from_file(ours(tmp_path, "audacity")).to_seq(round_times=False)
    assert same(list(zip(track.onsets_s, track.offsets_s, track.labels, strict=True)), 1e-6)
    table = formats.bbox.Raven.from_file(ours(tmp_path, "raven"))
    assert same([(one.onset, one.offset, one.label) for one in table.to_bbox()], 1e-4)


def test_crowsetta_s_are_read(tmp_path: Path) -> None:
    crowsetta = package("crowsetta")
    formats = crowsetta.formats
    formats.seq.AudSeq.from_file(ours(tmp_path, "audacity")).to_file(tmp_path / "track.txt")
    assert same(read(tmp_path / "track.txt"), 1e-6)
    formats.bbox.Raven.from_file(ours(tmp_path, "raven")).to_file(tmp_path / "table.txt")
    assert same(read(tmp_path / "table.txt"), 1e-4)
    columns = zip(*triples(EVENTS), strict=True)
    onsets, offsets, labels = ([*column] for column in columns)
    sequence = crowsetta.Sequence.from_keyword(labels=labels, onsets_s=onsets, offsets_s=offsets)
    one = crowsetta.Annotation(annot_path="x.csv", notated_path=NAME, seq=sequence)
    formats.seq.GenericSeq(annots=[one]).to_file(tmp_path / "generic.csv")
    assert list(read_events(tmp_path / "generic.csv")) == [NAME]
    assert same(read(tmp_path / "generic.csv"))


def test_crowsetta_s_boxes_of_audacity_are_read(tmp_path: Path) -> None:
    formats = package("crowsetta").formats
    lines = "".join(f"{one.onset}\t{one.offset}\t{one.label}\n\\\t100.0\t8000.0\n" for one in EVENTS)
    (tmp_path / "boxes.txt").write_text(lines, encoding="utf-8")
    formats.bbox.AudBBox.from_file(tmp_path / "boxes.txt").to_file(tmp_path / "again.txt")
    assert same(read(tmp_path / "again.txt"))
