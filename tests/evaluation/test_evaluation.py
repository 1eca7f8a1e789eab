from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

import sedt
from sedt.errors import InputError
from sedt.evaluation import Evaluation, evaluate
from sedt.events import Event
from sedt.formats import write_events
from sedt.formats.dcase import write_weak
from sedt.metrics import Counts

REFERENCE = {
    "1.wav": [Event(1.0, 2.0, "dog"), Event(5.0, 6.0, "cat")],
    "2.wav": [Event(0.0, 5.0, "cat")],
    "3.wav": [],
}
ESTIMATED = {
    "1.wav": [Event(1.1, 2.1, "dog", 0.9), Event(5.0, 6.0, "dog", 0.4)],
    "2.wav": [Event(0.0, 4.1, "cat", 0.8)],
}


DURATIONS = dict.fromkeys(REFERENCE, 10.0)


def printed(evaluation: Evaluation, width: int = 80) -> list[str]:
    console = Console(width=width)
    with console.capture() as capture:
        console.print(evaluation.table())
    return [line.rstrip() for line in capture.get().splitlines()]


def test_the_json_layout() -> None:
    report = evaluate(REFERENCE, ESTIMATED).as_dict()
    assert json.loads(json.dumps(report)) == report
    assert list(report) == [
        "event_based",
        "segment_based",
        "intersection_based",
        "tagging",
        "tagging_from_tags",
        "psds1",
        "psds2",
        "files",
        "estimated_files",
        "notes",
    ]
    assert report["tagging_from_tags"] is report["psds1"] is report["psds2"] is None
    for name in ("event_based", "segment_based", "intersection_based", "tagging"):
        for figures in (report[name]["macro"], report[name]["micro"], report[name]["per_class"]["dog"]):
            assert set(figures) == {"f1", "precision", "recall"}
        assert set(report[name]["per_class"]) == {"cat", "dog"}
    # cat: 1 of 2 found, all right, F 2/3. dog: 1 of 1 found, 1 of 2 right, F 2/3.
    assert report["event_based"]["macro"] == pytest.approx({"f1": 2 / 3, "precision": 3 / 4, "recall": 3 / 4})
    assert report["event_based"]["counts"]["cat"] == {"reference": 2, "estimated": 1, "hits": 1}
    # A dog for the cat at 5 s: one substitution among three true events.
    assert report["event_based"]["error_rate"] == pytest.approx(1 / 3)


@pytest.mark.parametrize("ending", ["tsv", "json"])
def test_files_and_tables_say_the_same(tmp_path: Path, ending: str) -> None:
    true, found = tmp_path / f"true.{ending}", tmp_path / f"found.{ending}"
    write_events(true, REFERENCE)
    write_events(found, ESTIMATED)
    assert evaluate(true, str(found)) == evaluate(REFERENCE, found) == evaluate(REFERENCE, ESTIMATED)


def test_files_that_the_estimate_does_not_name_have_no_detections() -> None:
    evaluation = evaluate(REFERENCE, {"1.wav": ESTIMATED["1.wav"]})
    assert (evaluation.num_files, evaluation.num_estimated_files) == (3, 1)
    assert evaluation.notes[0].startswith("1 of 3 files are in the estimate")
    assert "2.wav" in evaluation.notes[0]
    assert evaluation.event_based.counts["cat"] == Counts(2, 0, 0)
    assert evaluation.tagging.counts["cat"] == Counts(2, 0, 0)
    assert evaluate(REFERENCE, {name: [] for name in REFERENCE}, DURATIONS).notes == []


def test_files_that_the_reference_does_not_name_are_an_error_but_not_if_durations_do(tmp_path: Path) -> None:
    estimated = {**ESTIMATED, "8.wav": [Event(0, 1, "cat")], "9.wav": []}
    with pytest.raises(
        InputError, match=r"2 of 4 estimated files are not in the reference \(the first: 8.wav\)"
    ):
        evaluate(REFERENCE, estimated)
    table = tmp_path / "durations.tsv"
    table.write_text("filename\tduration\n" + "".join(f"{n}.wav\t10\n" for n in (1, 2, 3, 8, 9)))
    evaluation = evaluate(REFERENCE, estimated, table)
    assert evaluation.num_files == 5
    assert evaluation.event_based.counts["cat"] == Counts(2, 2, 1)
    assert evaluate(REFERENCE, estimated, dict.fromkeys(["8.wav", "9.wav"], 10.0)).num_files == 5


def test_files_without_labels_can_be_left_out() -> None:
    estimated = {**ESTIMATED, "8.wav": [Event(0, 1, "cat")], "9.wav": []}
    durations = {**DURATIONS, "8.wav": 10.0, "9.wav": 10.0}
    tags = {"1.wav": {"cat"}, "9.wav": {"cat"}}
    evaluation = evaluate(REFERENCE, estimated, durations, tags=tags, undecided=estimated, labelled_only=True)
    wanted = evaluate(REFERENCE, ESTIMATED, DURATIONS, tags={"1.wav": {"cat"}}, undecided=ESTIMATED)
    assert evaluation.as_dict() | {"notes": []} == wanted.as_dict() | {"notes": []}
    assert evaluation.notes[-1] == "files left out, which the reference does not name: 2"
    with pytest.raises(InputError, match=r"names none of the estimated files \(the first: 8.wav\)"):
        evaluate(REFERENCE, {"8.wav": []}, labelled_only=True)
    assert evaluate(REFERENCE, {}, labelled_only=True).num_files == 3


def test_segments_end_with_the_file() -> None:
    reference, estimated = {"a.wav": [Event(0, 2, "x")]}, {"a.wav": [Event(0, 9, "x")]}
    assert evaluate(reference, estimated).segment_based.counts["x"] == Counts(2, 9, 2)
    assert evaluate(reference, estimated, {"a.wav": 3.0}).segment_based.counts["x"] == Counts(2, 3, 2)


def test_threshold() -> None:
    above = evaluate(REFERENCE, ESTIMATED, threshold=0.5).event_based.counts
    assert above == {"cat": Counts(2, 1, 1), "dog": Counts(1, 1, 1)}
    at = evaluate(REFERENCE, ESTIMATED, threshold=0.9).event_based.counts
    assert at == {"cat": Counts(2, 0, 0), "dog": Counts(1, 1, 1)}
    unscored = {"1.wav": [Event(1, 2, "dog", 0.9), Event(5, 6, "dog")]}
    with pytest.raises(InputError, match=r"1.wav: the dog at 5 s has no score, so threshold 0.5"):
        evaluate(REFERENCE, unscored, threshold=0.5)
    assert evaluate(REFERENCE, unscored).event_based.counts["dog"].estimated == 2


def test_collars() -> None:
    late = {"2.wav": [Event(0.3, 5.9, "cat")]}
    assert evaluate(REFERENCE, late).event_based.counts["cat"].hits == 0
    assert evaluate(REFERENCE, late, onset_collar_s=0.31).event_based.counts["cat"].hits == 1
    assert (
        evaluate(REFERENCE, late, onset_collar_s=0.31, offset_ratio=0.1).event_based.counts["cat"].hits == 0
    )
    wide = evaluate(REFERENCE, late, onset_collar_s=0.31, offset_ratio=0.1, offset_collar_s=None)
    assert wide.event_based.counts["cat"].hits == 1
    with pytest.raises(InputError, match="onset_s is -1"):
        evaluate(REFERENCE, late, onset_collar_s=-1)


def test_class_agnostic() -> None:
    evaluation = evaluate(REFERENCE, ESTIMATED, class_agnostic=True)
    assert evaluation.event_based.counts == {"event": Counts(3, 3, 3)}
    assert evaluation.tagging.counts == {"event": Counts(2, 2, 2)}
    only = evaluate(REFERENCE, ESTIMATED, class_agnostic=True, labels=["cat"])
    assert only.event_based.counts == {"event": Counts(2, 1, 1)}


def test_labels_that_only_the_estimate_has() -> None:
    owl = {**ESTIMATED, "3.wav": [Event(0, 1, "owl", 0.5)]}
    evaluation = evaluate(REFERENCE, owl)
    assert evaluation.event_based.macro.f1 == evaluate(REFERENCE, ESTIMATED).event_based.macro.f1
    # 3 true, 4 found, 2 hits.
    assert evaluation.event_based.micro.f1 == pytest.approx(4 / 7)
    assert [note for note in evaluation.notes if "owl" in note and "false alarms" in note]


def test_labels_asked_for() -> None:
    evaluation = evaluate(REFERENCE, ESTIMATED, labels=(label for label in ["cat"]))
    for scores in (evaluation.event_based, evaluation.segment_based, evaluation.tagging):
        assert list(scores.counts) == ["cat"]
    assert "labels left out: dog" in evaluation.notes


def test_an_empty_reference() -> None:
    with pytest.raises(InputError, match="no files"):
        evaluate({}, {})
    silent = evaluate({"a.wav": []}, {"a.wav": []}).as_dict()
    assert silent["event_based"]["macro"] == {"f1": None, "precision": None, "recall": None}


def test_psds_takes_every_threshold_and_the_rest_what_passes_one() -> None:
    whole = evaluate(REFERENCE, ESTIMATED, DURATIONS)
    # dog: its event from no false alarm on; cat: one of two. Mean less deviation: 3/4 - 1/4.
    assert whole.psds1 == pytest.approx(0.5)
    assert whole.psds2 is not None
    high = evaluate(REFERENCE, ESTIMATED, DURATIONS, threshold=0.85)
    assert (high.psds1, high.psds2) == (whole.psds1, whole.psds2)
    assert high.intersection_based.counts == {"cat": Counts(2, 0, 0), "dog": Counts(1, 1, 1)}
    # Without a threshold scores above 0.5 count, with one what passes it.
    assert whole.intersection_based.counts["dog"] == Counts(1, 1, 1)
    low = evaluate(REFERENCE, ESTIMATED, threshold=0.3).intersection_based.counts
    assert low == {"cat": Counts(2, 1, 1), "dog": Counts(1, 2, 1)}
    one_label = evaluate(REFERENCE, ESTIMATED, DURATIONS, class_agnostic=True)
    assert one_label.psds1 == one_label.psds2 == 1


def test_why_there_is_no_psds() -> None:
    def why(*arguments: object) -> str:
        evaluation = evaluate(*arguments)  # type: ignore[arg-type]
        assert evaluation.psds1 is evaluation.psds2 is None
        return evaluation.notes[-1]

    assert why(REFERENCE, ESTIMATED) == "no PSDS: it needs the durations of the files"
    short = {"1.wav": 10.0, "2.wav": 10.0}
    assert why(REFERENCE, ESTIMATED, short) == "no PSDS: 1 of 3 files have no duration (the first: 3.wav)"
    unscored = {**ESTIMATED, "2.wav": [Event(0.5, 4.1, "cat")]}
    assert why(REFERENCE, unscored, DURATIONS) == (
        "no PSDS: it needs scores (2.wav: the cat at 0.5 s has none)"
    )
    silent = {name: [] for name in REFERENCE}
    assert why(silent, ESTIMATED, DURATIONS) == "no PSDS: the reference has no events"
    assert evaluate(REFERENCE, silent, DURATIONS).psds1 == 0
    # All events count for the intersection-based metric then: somebody has decided.
    assert evaluate(REFERENCE, unscored).intersection_based.counts["dog"] == Counts(1, 2, 1)


def test_tags_said_apart_from_events(tmp_path: Path) -> None:
    tags = {"1.wav": ["dog", "cat"], "2.wav": ["dog"]}
    evaluation = evaluate(REFERENCE, ESTIMATED, tags=tags)
    assert evaluation.tagging_from_tags is not None
    assert evaluation.tagging_from_tags.counts == {"cat": Counts(2, 1, 1), "dog": Counts(1, 2, 1)}
    assert evaluation.tagging == evaluate(REFERENCE, ESTIMATED).tagging
    assert evaluation.as_dict()["tagging_from_tags"]["macro"]["f1"] == pytest.approx(2 / 3)
    assert "2 of 3 files are in the table of tags; the others count as without tags (the first: 3.wav)" in (
        evaluation.notes
    )
    write_weak(tmp_path / "tags.tsv", tags)
    assert evaluate(REFERENCE, ESTIMATED, tags=tmp_path / "tags.tsv") == evaluation
    lines = printed(evaluation)
    assert lines[3].split()[-1] == "tags"
    assert next(line for line in lines if line.split()[:1] == ["dog"]).split()[-1] == "66.7"


def test_tags_of_labels_and_files_that_nobody_knows() -> None:
    owl = evaluate(REFERENCE, ESTIMATED, tags={"1.wav": ["owl", "dog"]})
    assert owl.tagging_from_tags is not None
    assert owl.tagging_from_tags.counts["owl"] == Counts(0, 1, 0)
    assert [note for note in owl.notes if note.endswith("out: owl")]
    assert owl.event_based.macro.f1 == evaluate(REFERENCE, ESTIMATED).event_based.macro.f1
    with pytest.raises(
        InputError, match=r"1 of 1 files with tags are not in the reference \(the first: 9.wav"
    ):
        evaluate(REFERENCE, ESTIMATED, tags={"9.wav": []})
    agnostic = evaluate(REFERENCE, ESTIMATED, tags={"3.wav": ["dog"], "2.wav": []}, class_agnostic=True)
    assert agnostic.tagging_from_tags is not None
    assert agnostic.tagging_from_tags.counts == {"event": Counts(2, 1, 0)}


def test_the_table() -> None:
    lines = printed(evaluate(REFERENCE, ESTIMATED))
    assert lines[0].strip() == "F1, precision, recall in %; 3 files"
    rows = {line.split()[0]: line.split()[1:] for line in lines[4:] if line}
    assert rows["macro"][:3] == ["66.7", "75.0", "75.0"]
    assert rows["dog"][:3] == ["66.7", "50.0", "100"]
    assert rows["cat"][6:9] == ["66.7", "100", "50.0"]
    # The cat has 0.8 and covers most; the dog 0.9; the other dog is below 0.5.
    assert rows["cat"][9:] == ["66.7"]
    assert rows["dog"][9:] == ["100"]
    # True segments: dog 1, cat 5 of 1.wav, cat 0-4 of 2.wav: 7. Found: dog 1, 2, 5, cat 0-4: one insertion,
    # one substitution.
    assert rows["error"] == ["rate", "0.33", f"{2 / 7:.2f}", "-", "-"]


def test_the_table_shows_any_label_in_80_columns() -> None:
    labels = [
        "Electric_shaver_toothbrush",
        "[bold]",
        "[/x]",
        "a label much longer than all that, with spaces",
    ]
    table = {"a.wav": [Event(0, 1, label) for label in labels]}
    found = {"a.wav": [replace(e, score=1.0) for e in table["a.wav"]]}
    lines = printed(evaluate(table, found, {"a.wav": 9.0}, tags={"a.wav": labels}))
    assert max(map(len, lines)) <= 80
    assert [line for line in lines if line.split() == ["[/x]", *["100"] * 11]]
    assert [line for line in lines if line.split()[:1] == ["[bold]"]]
    assert "…" not in "".join(lines)
    assert lines[-1] == "PSDS1 1.000   PSDS2 1.000"


def test_the_package_offers_it_again_and_again() -> None:
    for _ in range(2):
        assert sedt.evaluate(REFERENCE, ESTIMATED) == evaluate(REFERENCE, ESTIMATED)
    # In a fresh process, with the attribute and the submodule imported in either order.
    first = "import sedt; sedt.evaluate(t, t); import sedt.evaluation; sedt.evaluate(t, t)"
    second = "from sedt.evaluation import evaluate; import sedt; sedt.evaluate(t, t); evaluate(t, t)"
    for order in (first, second):
        code = "t = {'a.wav': []}\n" + "\n".join(order.split("; "))
        subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_psds_is_of_the_undecided_events_where_they_are_given() -> None:
    true = {"a": [Event(1, 2, "bell")], "b": []}
    decided: dict[str, list[Event]] = {"a": [], "b": []}
    undecided = {"a": [Event(1, 2, "bell", 0.3)], "b": [Event(3, 4, "bell", 0.1)]}
    durations = {"a": 10.0, "b": 10.0}
    both = evaluate(true, decided, durations, undecided=undecided)
    assert both.event_based.macro.f1 == 0
    assert both.psds1 == pytest.approx(evaluate(true, undecided, durations).psds1)
    assert both.psds1 == pytest.approx(1.0)
    assert evaluate(true, decided, durations).psds1 == 0
    with pytest.raises(InputError, match="not in the reference"):
        evaluate(true, decided, durations, undecided={"c": []})
