"""Every error is `{"detail": "one clear line"}`; what OpenAPI says of forms and errors."""

from __future__ import annotations

from typing import Any, TypeVar

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, TypeAdapter, ValidationError
from starlette.exceptions import HTTPException

from sedt.errors import InputError
from sedt.serve.settings import ServeSettings
from sedt.serve.tables import EventEntry
from sedt.serve.uploads import counted_body

_MOST_JSON_BYTES = 8_000_000
_EVENTS = TypeAdapter(list[EventEntry])
_Record = TypeVar("_Record", bound=BaseModel)

UPLOAD: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        "events": {"type": "string", "description": "Of corrections: a JSON list of events."},
                    },
                }
            }
        },
    }
}

_REASONS = {
    400: "No audio that can be read, or a value that cannot be.",
    401: "No token, or a wrong one.",
    408: "The upload came too slowly.",
    413: "Too large or too long.",
    415: "Another content type.",
    422: "The form or the JSON lacks something.",
    503: "Too many requests in hand; `Retry-After` says when to try again.",
}


class Fault(BaseModel):
    """Any error."""

    detail: str


ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"description": reason, "model": Fault} for status, reason in _REASONS.items()
}


def answer_faults(app: FastAPI, settings: ServeSettings) -> None:
    """Register the handlers."""

    async def bad_input(request: Request, error: Exception) -> JSONResponse:
        return _answer(400, str(error))

    async def refused(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        detail = error.detail
        if error.detail == "Not Found":
            detail = f"no such path: {request.url.path[:80]!a}"
        if error.status_code == 405:
            detail = f"{request.method} is not answered at {request.url.path}"
        return _answer(error.status_code, detail, error.headers)

    async def invalid(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        return _answer(400, _told(error.errors()[0], "query"))

    app.add_exception_handler(InputError, bad_input)
    app.add_exception_handler(HTTPException, refused)
    app.add_exception_handler(RequestValidationError, invalid)


async def read_json(request: Request, kind: type[_Record], settings: ServeSettings) -> _Record:
    """The body. Raises HTTPException: too large, or it lacks something."""
    body = b"".join([chunk async for chunk in counted_body(request, settings, _MOST_JSON_BYTES)])
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        raise HTTPException(422, _told(error.errors()[0], "body")) from error


def read_events_field(fields: dict[str, str]) -> list[EventEntry]:
    """The field `events` of a form. Raises HTTPException: it is missing, or no list of events."""
    if "events" not in fields:
        raise HTTPException(422, "the form has no field `events`")
    try:
        return _EVENTS.validate_json(fields["events"])
    except ValidationError as error:
        first = error.errors()[0]
        raise HTTPException(422, _told({**first, "loc": ("events", *first["loc"])}, "body")) from error


def _told(error: Any, place: str) -> str:
    """One line of pydantic's account."""
    path = ".".join(str(part) for part in error["loc"] if part != place)
    given = (
        "" if error["type"] == "missing" or "json" in error["type"] else f", not {ascii(error['input'])[:40]}"
    )
    return f"{path or place}: {error['msg'][:200]}{given}"


def _answer(status: int, detail: str, headers: Any = None) -> JSONResponse:
    return JSONResponse({"detail": " ".join(detail.split())}, status, headers)
