"""When a recording began, as its name says, and how its audio and its events fall into hours."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import PurePosixPath

_DAY = r"(?<!\d)(?P<year>(?:19|20)\d\d)(?P<dash>[-_.]?)(?P<month>\d\d)(?P=dash)(?P<day>\d\d)"
_TIME = r"[T_\-$ .]?(?P<hour>\d\d)(?P<colon>[-_.:h]?)(?P<minute>\d\d)(?:(?P=colon)(?P<second>\d\d))(?!\d)"
_SHORT = r"[T_\-$ .](?P<hour>\d\d)[-_.:h]?(?P<minute>\d\d)(?!\d)"
_PATTERNS = [re.compile(_DAY + time, re.ASCII) for time in (_TIME, _SHORT)]
_PARTS = ("year", "month", "day", "hour", "minute", "second")
_HOUR = timedelta(hours=1)


def start_of(name: str) -> datetime | None:
    """The time in a file's name, as recorders write it, None if there is none.

    `20240131_063000.WAV` (AudioMoth), `SITE7_0+1_20240131$063000.wav` and `SMM01_20240131_063000.wav` (Song
    Meter), `2024-01-31T06-30-00Z.flac` and the like; seconds may lack. A zone behind it is not looked at:
    what comes back is what the recorder's clock said.
    """
    stem = PurePosixPath(name).name
    for pattern in _PATTERNS:
        for match in pattern.finditer(stem):
            found = match.groupdict(default="0")
            try:
                year, month, day, hour, minute, second = (int(found.get(key, "0")) for key in _PARTS)
                return datetime(year, month, day, hour, minute, second)
            except ValueError:
                continue
    return None


def split_hours(begin: datetime | None, onset: float, offset: float) -> Iterator[tuple[str, float]]:
    """The hours that a stretch of a recording lies in, each with the seconds in it.

    Clock hours (`2024-01-31T06:00`) of a recording that began at `begin`, else hours into it (`+0 h`). A
    stretch of no length lies in one hour.
    """
    lead_s = 0.0 if begin is None else begin.minute * 60.0 + begin.second
    onset, offset = onset + lead_s, offset + lead_s
    for hour in range(int(onset // 3600), max(int(onset // 3600) + 1, -int(-offset // 3600))):
        seconds = min(offset, (hour + 1) * 3600.0) - max(onset, hour * 3600.0)
        yield _name(begin, hour), seconds


def _name(begin: datetime | None, hour: int) -> str:
    if begin is None:
        return f"+{hour} h"
    return (begin.replace(minute=0, second=0) + hour * _HOUR).isoformat(timespec="minutes")
