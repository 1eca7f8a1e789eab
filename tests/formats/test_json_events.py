from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sedt.errors import InputError
from sedt.events import Event
from sedt.formats import read_events, write_events

seconds = st.floats(0, 1e6, allow_nan=False)
labels = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
an_event = st.builds(
    lambda a, b, label, score: Event(min(a, b), max(a, b), label, score),
    seconds,
    seconds,
    labels,
    st.none() | st.floats(0, 1),
)


@given(st.dictionaries(labels, st.lists(an_event, unique=True, max_size=4), max_size=4))
@example({"<ANNOTATION_DOCUMENT": []})  # a name is no sign of another format
def test_json_comes_back_exactly(
    tmp_path_factory: pytest.TempPathFactory, table: dict[str, list[Event]]
) -> None:
    path = tmp_path_factory.mktemp("round") / "t.json"
    write_events(path, table)
    assert read_events(path) == table


@pytest.mark.parametrize("ending", ["tsv", "txt", "json", "jsonl", "csv"])
def test_every_ending(tmp_path: Path, ending: str) -> None:
    table = {"b.wav": [Event(0.5, 2, "dog", 0.25)], "a.wav": []}
    path = tmp_path / f"events.{ending.upper()}"
    write_events(path, table)
    assert read_events(path) == read_events(str(path)) == table


def test_json_as_a_person_would_write_it(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    files = [
        {"filename": "a.wav", "events": [{"onset": 0, "offset": 2, "label": "dog", "note": "loud"}]},
        {"filename": "a.wav", "events": [{"onset": 0, "offset": 2, "label": "dog"}], "site": 3},
        {"filename": "b.wav", "events": []},
    ]
    path.write_text(json.dumps({"version": 1, "files": files}))
    assert read_events(path) == {"a.wav": [Event(0, 2, "dog")], "b.wav": []}


@pytest.mark.parametrize("name", ["events.doc", "events", "events.tsv.gz"])
def test_other_endings_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"known: \.tsv, \.csv, \.json"):
        write_events(tmp_path / name, {})
    assert not list(tmp_path.iterdir())
    (tmp_path / name).write_text("nothing known\n")
    with pytest.raises(InputError, match=r"known: \.tsv, \.csv, \.txt"):
        read_events(tmp_path / name)


EVENT = '{"files": [{"filename": "a.wav", "events": [%s]}]}'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not JSON"),
        ("[]", "t.json: needs a list `files`"),
        ("[" * 100_000, "t.json: not JSON"),
        (
            EVENT % f'{{"onset": {10**400}, "offset": 1, "label": "x"}}',
            "`onset` must be a finite number, not 1000",
        ),
        (EVENT % '{"onset": 1%s}' % ("0" * 5000), "t.json: not JSON"),
        ('{"files": {}}', "t.json: needs a list `files`"),
        ('{"files": [3]}', "t.json: files[0] needs a `filename`"),
        ('{"files": [{"filename": "a.wav"}]}', "files[0] needs a list `events`"),
        (EVENT % "3", "files[0].events[0] needs `onset`, `offset` and a `label`"),
        (EVENT % '{"onset": 0, "offset": 1, "label": ""}', "events[0] needs `onset`"),
        (EVENT % '{"onset": "0", "offset": 1, "label": "x"}', "`onset` must be a finite number, not '0'"),
        (EVENT % '{"onset": 0, "label": "x"}', "`offset` must be a finite number, not None"),
        (EVENT % '{"onset": 0, "offset": NaN, "label": "x"}', "`offset` must be a finite number, not nan"),
        (EVENT % '{"onset": 0, "offset": true, "label": "x"}', "`offset` must be a finite number, not True"),
        (EVENT % '{"onset": 2, "offset": 1, "label": "x"}', "files[0].events[0]: offset 1.0 is before onset"),
        (EVENT % '{"onset": 0, "offset": 1, "label": "x", "score": "1"}', "`score` must be a finite number"),
    ],
)
def test_what_is_wrong_with_json_is_said(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "t.json"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_events(path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_json_that_is_not_there_or_not_text(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"t.json: cannot be read"):
        read_events(tmp_path / "t.json")
    (tmp_path / "t.json").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match=r"t.json:\d: not JSON: there is nothing in it"):
        read_events(tmp_path / "t.json")
