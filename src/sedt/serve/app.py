"""The application: which path is answered by what."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event as Flag
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request, WebSocket
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import FileResponse, HTMLResponse, Response
from fastapi.staticfiles import StaticFiles
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from sedt import __version__
from sedt.detector import Detector
from sedt.errors import InputError
from sedt.formats import FORMATS
from sedt.serve.corrections import save_correction
from sedt.serve.description import Health, ModelDescription, describe
from sedt.serve.docs_page import docs_page
from sedt.serve.faults import ERRORS, UPLOAD, answer_faults, read_events_field, read_json
from sedt.serve.gate import Gate, add_facts
from sedt.serve.metrics import Metrics
from sedt.serve.settings import ServeSettings
from sedt.serve.streams import Streams
from sedt.serve.tables import Detection, EventEntry, EventList, Swept, as_file, check_format, events_of
from sedt.serve.uploads import receive_upload
from sedt.serve.work import Found, Question, Workplace

PAGE = Path(str(files("sedt") / "serve" / "page"))

Threshold = Annotated[
    float | None, Query(ge=0, le=1, description="Least score, in the place of the model's own.")
]
Undecided = Annotated[bool, Query(description="All candidates with their scores; no threshold applies.")]
Sweep = Annotated[
    bool, Query(description="Besides the model's own decision, events at thresholds of 0.05, 0.1 ... 0.95.")
]
FormatName = Annotated[str, Query(alias="format", description=f"One of {', '.join(FORMATS)}.")]


class Service:
    """What the paths of one server share."""

    def __init__(self, detector: Detector, settings: ServeSettings) -> None:
        self.settings, self.metrics = settings, Metrics()
        self.work = Workplace(detector, settings, self.metrics.batch)
        self.metrics.in_hand.set_function(lambda: self.work.num_in_hand)
        self.streams = Streams(self.work.detector, settings, self.metrics)

    async def detect(
        self,
        request: Request,
        threshold: Threshold = None,
        undecided: Undecided = False,
        sweep: Sweep = False,
        format_name: FormatName = "json",
    ) -> Response:
        """Events of a recording: any audio or video file, in the form's field `file`."""
        check_format(format_name)
        if undecided and threshold is not None:
            raise InputError("undecided keeps every candidate: no threshold can be applied with it")
        if sweep and (undecided or threshold is not None or format_name != "json"):
            raise InputError("sweep is JSON of all thresholds: it goes with no other question")
        with self.work.place(), TemporaryDirectory(prefix="sedt-") as folder:
            upload = await receive_upload(request, self.settings, Path(folder))
            self.metrics.upload_bytes.inc(upload.num_bytes)
            add_facts(request.scope, bytes=upload.num_bytes)
            question = Question(upload.path, upload.name, threshold, undecided, sweep)
            found = await self._unless_gone(request, question)
        add_facts(request.scope, audio_s=round(found.duration_s, 3), events=len(found.events))
        self.metrics.audio_s.inc(found.duration_s)
        self.metrics.events.inc(len(found.events))
        if format_name != "json":
            return await asyncio.to_thread(as_file, upload.name, found.events, format_name)
        detection = Detection(
            filename=upload.name,
            duration=found.duration_s,
            model=self.settings.model,
            events=list(map(EventEntry.of, found.events)),
            sweep=[Swept.of(*one) for one in found.sweep.items()] if sweep else None,
        )
        content = detection.model_dump_json(exclude=None if sweep else {"sweep"})
        return Response(content, media_type="application/json")

    async def _unless_gone(self, request: Request, question: Question) -> Found:
        """Detect, but not for somebody who has left. Raises ClientDisconnect."""
        gone = Flag()
        work = asyncio.ensure_future(self.work.detect(question, gone))
        leaving = asyncio.ensure_future(request.receive())  # the body is read: only a farewell can come
        try:
            await asyncio.wait((work, leaving), return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                raise ClientDisconnect
            return work.result()
        finally:
            gone.set()
            leaving.cancel()
            with suppress(Exception):
                await work  # the recording lies in a folder that ends with the request

    async def convert(self, request: Request, format_name: FormatName) -> Response:
        """The given events as a file of another format."""
        check_format(format_name)
        with self.work.place():
            given = await read_json(request, EventList, self.settings)
            return await asyncio.to_thread(as_file, given.filename, events_of(given.events), format_name)

    async def correct(self, request: Request) -> dict[str, str]:
        """Save a recording (field `file`) with corrected events (field `events`: a JSON list)."""
        folder = self.settings.corrections
        if folder is None:
            raise HTTPException(404, "this server saves no corrections (`sedt serve --corrections DIR`)")
        with self.work.place(), TemporaryDirectory(prefix="sedt-") as place:
            upload = await receive_upload(request, self.settings, Path(place))
            events = events_of(read_events_field(upload.fields))
            try:
                await asyncio.to_thread(self.work.check_recording, upload.path)
            except InputError as error:
                raise InputError(str(error).replace(str(upload.path), upload.name)) from error
            saved = await asyncio.to_thread(save_correction, folder, upload.name, upload.path, events)
        add_facts(request.scope, bytes=upload.num_bytes, events=len(events))
        return {"saved": saved}

    async def health(self) -> Health:
        """Whether it is well, and how much it has to do."""
        return Health(
            status="ok",
            model=self.settings.model,
            version=__version__,
            queue=self.work.num_in_hand,
            streams=self.streams.num_open,
        )

    async def model(self) -> ModelDescription:
        """What the model finds, and what the server takes."""
        return describe(self.work.detector, self.settings)

    async def labels(self) -> dict[str, list[str]]:
        """Classes of sound that the model knows."""
        return {"labels": list(self.work.detector.classes)}

    async def tell_metrics(self) -> Response:
        """Counts for Prometheus."""
        return Response(self.metrics.text(), media_type=CONTENT_TYPE_LATEST)

    async def stream(self, websocket: WebSocket) -> None:
        """Samples in, events out."""
        await self.streams.serve(websocket)


def create_app(service: Service) -> FastAPI:
    """The application of one server."""
    settings = service.settings
    app = FastAPI(
        title="sedt",
        version=__version__,
        description="Finds when each sound happens.",
        docs_url=None,  # FastAPI's own pages load scripts from elsewhere
        redoc_url=None,
    )
    app.add_middleware(Gate, settings=settings, metrics=service.metrics)
    if settings.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.origins,
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization"],
            expose_headers=["Content-Disposition", "Retry-After"],
        )
    answer_faults(app, settings)
    _add_paths(app, service)
    return app


def _add_paths(app: FastAPI, service: Service) -> None:
    told: dict[str, Any] = {"responses": ERRORS}
    app.get("/health")(service.health)
    app.get("/model")(service.model)
    app.get("/labels")(service.labels)
    app.post("/detect", openapi_extra=UPLOAD, response_model=Detection, **told)(service.detect)
    app.post("/convert", **told)(service.convert)
    app.post("/corrections", openapi_extra=UPLOAD, **told)(service.correct)
    app.get("/metrics", include_in_schema=False)(service.tell_metrics)
    app.websocket("/stream")(service.stream)

    async def docs() -> HTMLResponse:
        return HTMLResponse(docs_page(app.openapi()))

    async def page() -> FileResponse:
        return FileResponse(PAGE / "index.html")

    app.get("/docs", include_in_schema=False)(docs)
    app.get("/", include_in_schema=False)(page)
    app.mount("/page", StaticFiles(directory=PAGE, html=True))
