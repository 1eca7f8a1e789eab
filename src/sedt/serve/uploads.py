"""Recordings that are sent: counted and timed while they come, and laid on the disk."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from sedt.serve.names import checked_name, suffix_of
from sedt.serve.settings import ServeSettings

_FORM_BYTES = 65_536
"""What the form around a file may take."""
_FIELD_BYTES = 4_000_000
_MOST_FIELDS = 2


@dataclass(frozen=True)
class Upload:
    """A recording, and what came with it."""

    name: str
    path: Path
    num_bytes: int
    fields: dict[str, str]


async def receive_upload(request: Request, settings: ServeSettings, folder: Path) -> Upload:
    """The field `file` of a form, as a file in `folder`.

    Raises:
        InputError: a name that is none.
        HTTPException: 408 too slow, 413 too large, 415 no form, 422 a form without a file, or a broken one.
        ClientDisconnect: its sender has gone.
    """
    _check_head(request, settings)
    parser = MultiPartParser(
        request.headers,
        counted_body(request, settings),
        max_files=1,
        max_fields=_MOST_FIELDS,
        max_part_size=_FIELD_BYTES,
    )
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise HTTPException(422, f"the form cannot be read: {error.message.rstrip('.')}") from error
    try:
        upload = form.get("file")
        if not isinstance(upload, UploadFile):
            raise HTTPException(422, "the form has no file in a field `file`")
        name = checked_name(upload.filename)
        path = folder / f"recording{suffix_of(name)}"
        size = await asyncio.to_thread(_lay_down, upload, path)
        if size > settings.max_upload_bytes:
            raise _too_large(settings)
        fields = {key: value for key, value in form.items() if isinstance(value, str)}
    finally:
        await form.close()
    return Upload(name, path, size, fields)


async def counted_body(
    request: Request, settings: ServeSettings, most_bytes: int | None = None
) -> AsyncGenerator[bytes]:
    """The body as it comes. Raises HTTPException: it is too large or too slow, whatever its head says."""
    clock = asyncio.get_running_loop()
    start, count = clock.time(), 0
    most = settings.max_upload_bytes + _FORM_BYTES if most_bytes is None else most_bytes
    stream = aiter(request.stream())
    while True:
        deadline = start + settings.upload_start_s + count / settings.upload_bytes_per_s
        try:
            async with asyncio.timeout_at(deadline):
                chunk = await anext(stream)
        except StopAsyncIteration:
            return
        except TimeoutError as error:
            seconds = clock.time() - start
            raise HTTPException(408, f"only {count} bytes came in {seconds:.0f} s: given up") from error
        count += len(chunk)
        if count > most:
            raise _too_large(settings)
        yield chunk


def _check_head(request: Request, settings: ServeSettings) -> None:
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind != "multipart/form-data":
        given = f"not {kind[:60]!a}" if kind else "but no type is given"
        raise HTTPException(415, f"a recording is sent as multipart/form-data, field `file`, {given}")
    length = request.headers.get("content-length", "")
    if length.isascii() and length.isdecimal() and int(length[:20]) > settings.max_upload_bytes + _FORM_BYTES:
        raise _too_large(settings)


def _too_large(settings: ServeSettings) -> HTTPException:
    return HTTPException(413, f"larger than the limit of {settings.max_upload_bytes / 1e6:g} MB")


def _lay_down(upload: UploadFile, path: Path) -> int:
    """Write the file; its bytes. The parser's own has no name that audio libraries could open."""
    with path.open("wb") as file:
        shutil.copyfileobj(upload.file, file, 1 << 20)
        return file.tell()
