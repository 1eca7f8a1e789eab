from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sedt.errors import InputError
from sedt.events import Event
from sedt.formats.dcase import (
    read_durations,
    read_strong,
    read_unlabelled,
    read_weak,
    write_durations,
    write_strong,
    write_unlabelled,
    write_weak,
)

HEAD = "filename\tonset\toffset\tevent_label\n"
DOG = Event(0.5, 2.0, "dog")

milliseconds = st.integers(0, 10**7).map(lambda n: n / 1000)
names = st.text(
    st.characters(exclude_categories=["C", "Z"], include_characters=" \u2028\x85"), min_size=1
).filter(lambda text: text == text.strip())
scores = st.none() | st.integers(0, 10**4).map(lambda n: n / 10**4)
an_event = st.builds(
    lambda a, b, label, score: Event(min(a, b), max(a, b), label, score),
    milliseconds,
    milliseconds,
    names,
    scores,
)


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "table.tsv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_strong(tmp_path: Path) -> None:
    path = written(
        tmp_path, HEAD + "a.wav\t0.5\t2\tdog\na.wav\t3\t4.25\tcat\nb.wav\t\t\t\nc.wav\na.wav\t0.5\t2.0\tdog\n"
    )
    assert read_strong(path) == {"a.wav": [DOG, Event(3, 4.25, "cat")], "b.wav": [], "c.wav": []}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_line_ends_blank_lines_and_byte_order_mark(tmp_path: Path, end: str, mark: bytes) -> None:
    text = HEAD + "\n\t\t\t\nä b.wav\t0.5\t2\tdog" + "\n\n"
    path = written(tmp_path, mark + text.replace("\n", end).encode())
    assert read_strong(path) == {"ä b.wav": [DOG]}


def test_what_is_mended_is_told(tmp_path: Path) -> None:
    mends: list[tuple[str, str]] = []
    read_strong(written(tmp_path, HEAD + "a\t0\t1\tx\nb\t0\t1\tx\na\t0.0\t1.0\tx\na\t\t\t\n"), None, mends)
    assert mends == [("a", "repeated rows dropped")]
    read_weak(written(tmp_path, "filename\tevent_labels\na\tx,y, x\nb\ty\na\ty\n"), None, mends)
    assert mends[1:] == [("a", "repeated tags dropped")] * 2
    assert read_unlabelled(written(tmp_path, "filename\nb\na\nb\n"), None, mends) == ["b", "a"]
    assert mends[3:] == [("b", "repeated file names dropped")]


def test_columns_in_any_order_and_more_of_them(tmp_path: Path) -> None:
    text = "score\tevent_label\tnote\toffset\tfilename\tonset\n"
    text += "0.75\tdog\tloud\t2\ta.wav\t0.5\n\tcat\t\t2\ta.wav\t1\n"
    expected = [Event(0.5, 2, "dog", 0.75), Event(1, 2, "cat")]
    assert read_strong(written(tmp_path, text)) == {"a.wav": expected}


def test_split(tmp_path: Path) -> None:
    text = "filename\tonset\toffset\tevent_label\tsplit\na.wav\t0.5\t2\tdog\ttrain\nb.wav\t0\t1\tcat\tval\n"
    path = written(tmp_path, text)
    assert read_strong(path, "train") == {"a.wav": [DOG]}
    assert read_unlabelled(path, "val") == ["b.wav"]
    assert list(read_strong(path)) == ["a.wav", "b.wav"]
    with pytest.raises(InputError, match=r"no row of split 'test' \(splits: train, val\)"):
        read_strong(path, "test")
    with pytest.raises(InputError, match=r"table.tsv:1: no column `split` \(columns: filename, onset"):
        read_strong(written(tmp_path, HEAD + "a.wav\t0.5\t2\tdog\n"), "train")


def test_weak_unlabelled_and_durations(tmp_path: Path) -> None:
    weak = written(tmp_path, "filename\tevent_labels\na.wav\tdog,cat, dog\nb.wav\t\na.wav\tcat,owl\nc.wav\n")
    assert read_weak(weak) == {"a.wav": ["dog", "cat", "owl"], "b.wav": [], "c.wav": []}
    assert read_unlabelled(weak) == ["a.wav", "b.wav", "c.wav"]
    durations = written(tmp_path, "filename\tduration\na.wav\t10\nb.wav\t9.5\na.wav\t10.0\n")
    assert read_durations(durations) == {"a.wav": 10, "b.wav": 9.5}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("a.wav\tx\t2\tdog", "table.tsv:3: onset 'x' is not a number"),
        ("a.wav\t1\t\tdog", "table.tsv:3: offset '' is not a number"),
        ("a.wav\tnan\t2\tdog", "table.tsv:3: onset is nan: a finite number"),
        ("a.wav\t1\tinf\tdog", "table.tsv:3: offset is inf: a finite number"),
        ("a.wav\t-1\t2\tdog", "table.tsv:3: onset is -1.0: seconds cannot be negative"),
        ("a.wav\t2\t1.99\tdog", "table.tsv:3: offset 1.99 is before onset 2.0"),
        ("a.wav\t1\t2\t", "table.tsv:3: event_label is empty"),
        ("\t1\t2\tdog", "table.tsv:3: filename is empty"),
        ("a.wav\t1\t2", "table.tsv:3: 3 fields; the header has 4"),
        ("a.wav\t1\t2\tdog\tcat", "table.tsv:3: 5 fields; the header has 4"),
    ],
)
def test_what_is_wrong_with_a_line_is_said(tmp_path: Path, rows: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        read_strong(written(tmp_path, HEAD + "ok.wav\t0\t1\tdog\n" + rows + "\n"))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("score", ["high", "nan", "inf"])
def test_a_score_is_a_number(tmp_path: Path, score: str) -> None:
    path = written(tmp_path, HEAD.replace("\n", "\tscore\n") + f"a.wav\t0\t1\tdog\t{score}\n")
    with pytest.raises(InputError, match=r"table.tsv:2: score"):
        read_strong(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\n \n", "is empty"),
        (b"\xff\xfef", "table.tsv:1: not UTF-16"),
        (b"\xe4.wav\n", "not UTF-8"),
        (b"a.wav\t0\t1\tdog\n", "no column `filename` (columns: a.wav, 0, 1, dog)"),
        (b"filename\tonset\toffset\n", "no column `event_label`"),
        (b"filename\tonset\tonset\toffset\tevent_label\n", "more than one column `onset`"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path: Path, content: bytes, message: str) -> None:
    path = written(tmp_path, content)
    with pytest.raises(InputError) as caught:
        read_strong(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)


def test_no_such_file_or_a_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none.tsv: cannot be read: No such file"):
        read_weak(tmp_path / "none.tsv")
    with pytest.raises(InputError, match="cannot be read"):
        read_unlabelled(tmp_path)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("a.wav\t0", "more than 0"),
        ("a.wav\tnan", "finite"),
        ("a.wav\t1\na.wav\t2", "two durations, 1 and 2"),
    ],
)
def test_impossible_durations(tmp_path: Path, rows: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_durations(written(tmp_path, "filename\tduration\n" + rows + "\n"))


def test_a_detection_clipped_to_the_end_of_its_clip(tmp_path: Path) -> None:
    scored = HEAD.replace("\n", "\tscore\n")
    table = read_strong(written(tmp_path, scored + "a.wav\t10.025\t10\tdog\t0.7\n"))
    assert table == {"a.wav": [Event(10, 10, "dog", 0.7)]}
    for wrong in (scored + "a.wav\t10.2\t10\tdog\t0.7\n", HEAD + "a.wav\t10.025\t10\tdog\n"):
        with pytest.raises(InputError, match="before onset"):
            read_strong(written(tmp_path, wrong))


def test_what_is_written(tmp_path: Path) -> None:
    table = {"b.wav": [Event(3, 4, "cat", 0.51239), Event(0.1234, 1 / 3, "dog")], "a.wav": []}
    write_strong(tmp_path / "t.tsv", table)
    rows = "b.wav\t0.123\t0.333\tdog\t\nb.wav\t3.000\t4.000\tcat\t0.5124\na.wav\t\t\t\t\n"
    assert (tmp_path / "t.tsv").read_bytes().decode() == HEAD.replace("\n", "\tscore\n") + rows
    write_strong(tmp_path / "t.tsv", {"a.wav": [DOG]})
    assert (tmp_path / "t.tsv").read_bytes().decode() == HEAD + "a.wav\t0.500\t2.000\tdog\n"


@given(st.dictionaries(names, st.lists(an_event, unique=True, max_size=4), min_size=1, max_size=4))
def test_strong_comes_back(tmp_path_factory: pytest.TempPathFactory, table: dict[str, list[Event]]) -> None:
    path = tmp_path_factory.mktemp("round") / "t.tsv"
    write_strong(path, table)
    in_time = {
        name: sorted(events, key=lambda e: (e.onset, e.offset, e.label)) for name, events in table.items()
    }
    assert read_strong(path) == in_time
    assert list(read_strong(path)) == list(table)


@given(
    st.dictionaries(names, st.lists(names.filter(lambda tag: "," not in tag), unique=True), min_size=1),
    st.dictionaries(names, st.integers(1, 10**7).map(lambda n: n / 1000), min_size=1),
)
def test_weak_durations_and_names_come_back(
    tmp_path_factory: pytest.TempPathFactory, tags: dict[str, list[str]], durations: dict[str, float]
) -> None:
    path = tmp_path_factory.mktemp("round") / "t.tsv"
    write_weak(path, tags)
    assert read_weak(path) == tags
    write_unlabelled(path, tags)
    assert read_unlabelled(path) == list(tags)
    write_durations(path, durations)
    assert read_durations(path) == durations


def test_what_could_not_be_read_back_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "t.tsv"
    for table in (
        {"a\tb.wav": [DOG]},
        {"": [DOG]},
        {"a.wav": [Event(0, 1, " ")]},
        {"a.wav": [Event(0, 1, "a\nb")]},
    ):
        with pytest.raises(InputError):
            write_strong(path, table)
    with pytest.raises(InputError, match="comma"):
        write_weak(path, {"a.wav": ["dog, small"]})
    with pytest.raises(InputError):
        write_unlabelled(path, ["a.wav", ""])
    with pytest.raises(InputError):
        write_durations(path, {"": 1.0})
    assert not path.exists()


@pytest.mark.data
def test_the_label_files_of_dcase2019(data_folder: Path) -> None:
    metadata = data_folder / "dcase2019_metadata"
    assert len(read_weak(metadata / "weak.tsv")) == 1578
    assert len(read_strong(metadata / "synthetic.tsv")) == 2045
    assert len(read_unlabelled(metadata / "unlabel_in_domain.tsv")) == 14412
    validation = read_strong(metadata / "validation.tsv")
    assert len(validation) == 1168
    assert len({event.label for events in validation.values() for event in events}) == 10
