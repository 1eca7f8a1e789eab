"""ELAN's .eaf: aligned annotations of all tiers; an empty one is named after its tier."""

from __future__ import annotations

from xml.etree import ElementTree

from sedt.errors import InputError
from sedt.events import Event, EventTable
from sedt.files import read_text, write_text
from sedt.formats.fields import by_label, checked_event, checked_number, lanes, only_recording, recording_name
from sedt.formats.tables import PathLike

_MS = 1000
_SCHEMA = "http://www.mpi.nl/tools/elan/EAFv3.0.xsd"


def read_elan(path: PathLike) -> dict[str, list[Event]]:
    """Events of all aligned annotations; those that only refer to others are left out.

    Raises:
        InputError: no such XML, entities of its own, an annotation without times. The message names the line
            or the annotation.
    """
    root = _parsed(path, read_text(path))
    slots = {slot.get("TIME_SLOT_ID"): slot.get("TIME_VALUE") for slot in root.iter("TIME_SLOT")}
    found: dict[Event, None] = {}
    for tier in root.iter("TIER"):
        for annotation in tier.iter("ALIGNABLE_ANNOTATION"):
            place = f"{path}: annotation {annotation.get('ANNOTATION_ID')}"
            ends = (slots.get(annotation.get(f"TIME_SLOT_REF{end}")) for end in (1, 2))
            onset, offset = (_seconds(place, end) for end in ends)
            label = (annotation.findtext("ANNOTATION_VALUE") or "").strip() or tier.get("TIER_ID")
            found[checked_event(place, onset, offset, label)] = None
    media = root.find("./HEADER/MEDIA_DESCRIPTOR")
    stated = None if media is None else media.get("MEDIA_URL")
    return {recording_name(path, stated): sorted(found)}


def write_elan(path: PathLike, table: EventTable) -> None:
    """Write a tier for each label, a further one where its events overlap; in milliseconds.

    Raises:
        InputError: more than one recording.
    """
    name, events = only_recording(path, table, "ELAN")
    root = ElementTree.Element("ANNOTATION_DOCUMENT", AUTHOR="", DATE="1970-01-01T00:00:00+00:00")
    root.attrib |= {"FORMAT": "3.0", "VERSION": "3.0"}
    root.attrib["xmlns:xsi"] = "http://www.w3.org/2001/XMLSchema-instance"
    root.attrib["xsi:noNamespaceSchemaLocation"] = _SCHEMA
    header = ElementTree.SubElement(root, "HEADER", MEDIA_FILE="", TIME_UNITS="milliseconds")
    ElementTree.SubElement(header, "MEDIA_DESCRIPTOR", MEDIA_URL=name, MIME_TYPE="audio/x-wav")
    order = ElementTree.SubElement(root, "TIME_ORDER")
    for label, own in by_label(events).items():
        for copy, lane in enumerate(lanes(own)):
            tier_name = label if copy == 0 else f"{label} ({copy + 1})"
            _add_tier(root, order, tier_name, lane)
    kind = ElementTree.SubElement(root, "LINGUISTIC_TYPE", LINGUISTIC_TYPE_ID="default")
    kind.attrib |= {"GRAPHIC_REFERENCES": "false", "TIME_ALIGNABLE": "true"}
    ElementTree.indent(root)
    text = ElementTree.tostring(root, encoding="unicode")
    write_text(path, f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n')


def _add_tier(
    root: ElementTree.Element, order: ElementTree.Element, tier_name: str, events: list[Event]
) -> None:
    tier = ElementTree.SubElement(root, "TIER", LINGUISTIC_TYPE_REF="default", TIER_ID=tier_name)
    for one in events:
        slots = []
        for seconds in (one.onset, one.offset):
            slots.append(f"ts{len(order) + 1}")
            value = str(round(seconds * _MS))
            ElementTree.SubElement(order, "TIME_SLOT", TIME_SLOT_ID=slots[-1], TIME_VALUE=value)
        annotation = ElementTree.SubElement(
            ElementTree.SubElement(tier, "ANNOTATION"),
            "ALIGNABLE_ANNOTATION",
            ANNOTATION_ID=f"a{len(order) // 2}",
            TIME_SLOT_REF1=slots[0],
            TIME_SLOT_REF2=slots[1],
        )
        ElementTree.SubElement(annotation, "ANNOTATION_VALUE").text = one.label


def _parsed(path: PathLike, text: str) -> ElementTree.Element:
    if "<!ENTITY" in text or "<!DOCTYPE" in text:
        raise InputError(f"{path}: defines XML entities, which ELAN does not: not read")
    try:
        root = ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError) as error:
        line = getattr(error, "position", (1, 0))[0]
        raise InputError(f"{path}:{line}: not XML: {error}") from error
    if root.tag != "ANNOTATION_DOCUMENT":
        raise InputError(f"{path}:1: not of ELAN: the root is {root.tag}, not ANNOTATION_DOCUMENT")
    return root


def _seconds(place: str, value: str | None) -> float:
    if value is None:
        raise InputError(f"{place}: has no time in TIME_ORDER: align it in ELAN")
    return checked_number(place, "time", value) / _MS
