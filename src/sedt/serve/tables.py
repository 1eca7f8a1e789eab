"""Events as answers: JSON, or any format of `sedt.formats` as a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from sedt.errors import InputError
from sedt.events import Event
from sedt.formats import FORMATS, write_events
from sedt.serve.names import attachment, checked_name

_MEDIA_TYPES = {
    "tsv": "text/tab-separated-values",
    "csv": "text/csv",
    "json": "application/json",
    "jsonl": "application/x-ndjson",
    "raven": "text/tab-separated-values",
    "elan": "application/xml",
    "jams": "application/json",
    "label_studio": "application/json",
    "webvtt": "text/vtt",
    "scores": "text/tab-separated-values",
}
"""Of the others: text/plain."""


MOST_CELLS = 5_000_000
"""Of a table of scores, which has a column for each class and a row for each edge of an event."""

LATEST_S = 1e9
"""No recording is as long: thirty years."""


class EventEntry(BaseModel):
    """An event: seconds, its class, how sure the model is (none of a person's)."""

    model_config = ConfigDict(extra="ignore")

    onset: float
    offset: float
    event_label: str = Field(min_length=1, max_length=200)
    score: float | None = None

    @classmethod
    def of(cls, event: Event) -> EventEntry:
        """An event as an answer has it."""
        score = None if event.score is None else float(event.score)
        return cls(onset=float(event.onset), offset=float(event.offset), event_label=event.label, score=score)

    def event(self) -> Event:
        """As the rest of sedt has it. Raises InputError: times that cannot be."""
        if self.score is not None and not 0 <= self.score <= 1:
            raise InputError(f"score {self.score} must lie in 0..1")
        if self.offset > LATEST_S:
            raise InputError(f"offset {self.offset} must lie below {LATEST_S:g} s")
        return Event(self.onset, self.offset, self.event_label, self.score)


class EventList(BaseModel):
    """Events of a recording, to be written in another format."""

    filename: str
    events: list[EventEntry] = Field(max_length=100_000)


class Swept(BaseModel):
    """Events at one threshold."""

    threshold: float
    events: list[EventEntry]

    @classmethod
    def of(cls, threshold: float, events: Sequence[Event]) -> Swept:
        """As an answer has them."""
        return cls(threshold=threshold, events=list(map(EventEntry.of, events)))


class Detection(BaseModel):
    """What is found in a recording."""

    filename: str
    duration: float
    """Seconds."""
    model: str
    events: list[EventEntry]
    """At the model's own thresholds, or the one that was asked for."""
    sweep: list[Swept] | None = None
    """Where it was asked for."""


def check_format(name: str) -> None:
    """Raises InputError: no such format."""
    if name not in FORMATS:
        raise InputError(f"format {name[:40]!a}: must be one of {', '.join(FORMATS)}")


def events_of(entries: Sequence[EventEntry]) -> list[Event]:
    """Raises InputError: which one cannot be, and why."""
    events = []
    for number, entry in enumerate(entries):
        try:
            events.append(entry.event())
        except InputError as error:
            raise InputError(f"events[{number}]: {error}") from None
    return events


def as_file(name: str, events: Sequence[Event], format_name: str) -> Response:
    """A file to be saved. Raises InputError: the format is not known or cannot hold this."""
    check_format(format_name)
    checked_name(name)
    cells = 2 * len(events) * len({event.label for event in events})
    if format_name == "scores" and cells > MOST_CELLS:
        raise InputError(f"scores: a table of {cells} cells; at most {MOST_CELLS}")
    with TemporaryDirectory(prefix="sedt-") as folder:
        path = Path(folder, "events")
        try:
            write_events(path, {name: events}, format_name)
        except InputError as error:
            raise InputError(str(error).replace(str(path), format_name)) from error
        content = path.read_bytes()
    header = {"Content-Disposition": attachment(f"{name}.{FORMATS[format_name].ending}")}
    kind = _MEDIA_TYPES.get(format_name, "text/plain")
    return Response(content, media_type=kind, headers=header)
