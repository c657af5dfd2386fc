"""The routes of the page: images, objects, corrections, downloads, suggestions and teaching."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Final

from fastapi import APIRouter, FastAPI, File, Query, Request, UploadFile
from fastapi.responses import FileResponse, JSONResponse, Response
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool

from ...errors import DataError, RelookError, UsageError, counted
from ..refusals import error_record
from ..teaching.teacher import Teacher
from .bodies import (
    ClassBody,
    MeasureBody,
    MergeBody,
    RemoveBody,
    RenameBody,
    SaveBody,
    SplitBody,
    TeachBody,
)
from .class_changes import OtherClasses
from .corrections import Outdated
from .folders import UnknownImage
from .looking import Predicts
from .next_image import NextImage
from .objects import divided, measured, merged
from .page_files import page_routes
from .pixels import ONE_PICTURE, UnknownTile
from .project import Project
from .saving_as import download as make
from .saving_as import without_objects

MOST_UPLOADED: Final = 200  # images of a request
_PNG: Final = "image/png"
_SECONDS: Final = {"Cache-Control": "private, max-age=60"}  # pixels of an image do not change


class SessionRoutes:
    """Routes that `app.server.make_server` adds to a server for a project.

    Args:
        project: That is open.
        teacher: Trains models on its corrections.
    """

    def __init__(self, project: Project, teacher: Teacher) -> None:
        self.project, self.teacher = project, teacher

    def add_to(self, app: FastAPI, work: Predicts) -> None:
        """Add the routes to `app`; `work` predicts."""
        self.project.attach(work)
        app.add_exception_handler(UnknownImage, _not_found)
        app.add_exception_handler(UnknownTile, _not_found)
        app.add_exception_handler(Outdated, _conflict)
        app.add_exception_handler(OtherClasses, _conflict)
        app.include_router(router_for(self.project, self.teacher))
        app.include_router(page_routes())


def router_for(project: Project, teacher: Teacher) -> APIRouter:
    """The routes below ``/api`` for a project that is attached to its work."""
    router = APIRouter(prefix="/api", include_in_schema=False)
    _add_images(router, project)
    _add_classes(router, project)
    _add_objects(router, project)
    _add_others(router, project)
    _add_teaching(router, teacher)
    return router


def _add_images(router: APIRouter, project: Project) -> None:
    @router.get("/project")
    def get_project() -> JSONResponse:
        return JSONResponse(project.record())

    @router.get("/images")
    def get_images() -> JSONResponse:
        return JSONResponse(project.list_images())

    @router.post("/images")
    def add_images(files: Annotated[list[UploadFile], File()]) -> JSONResponse:
        return JSONResponse(_added(project, files), 201)

    @router.get("/images/{number}")
    def get_image(number: int) -> JSONResponse:
        return JSONResponse(project.details(project.images.get(number)))

    @router.get("/images/{number}/picture.png")
    def get_picture(
        number: int, most: Annotated[int, Query(alias="max", ge=1, le=4096)] = ONE_PICTURE
    ) -> Response:
        return _picture(lambda: project.pixels.picture(project.images.get(number).path, most))

    @router.get("/images/{number}/thumbnail.png")
    def get_thumbnail(number: int) -> Response:
        return _picture(lambda: project.pixels.thumbnail(project.images.get(number).path))

    @router.get("/images/{number}/tiles/{level}/{column}/{row}.png")
    def get_tile(number: int, level: int, column: int, row: int) -> Response:
        path = project.images.get(number).path
        return _picture(lambda: project.pixels.tile(path, level, column, row))


def _add_classes(router: APIRouter, project: Project) -> None:
    changes = project.class_changes

    @router.get("/classes")
    def get_classes() -> JSONResponse:
        return JSONResponse(changes.records())

    @router.post("/classes")
    def add_class(body: ClassBody) -> JSONResponse:
        label = changes.add(body.name)
        return JSONResponse({"class": label, "classes": project.classes.listed()}, 201)

    @router.put("/classes/{label}")
    def rename_class(label: int, body: RenameBody) -> JSONResponse:
        changes.rename(label, body.name, before=body.before)
        return JSONResponse({"classes": project.classes.listed()})

    @router.delete("/classes/{label}")
    def remove_class(label: int, body: RemoveBody) -> JSONResponse:
        changes.remove(label, before=body.before, objects=body.objects, to=body.to)
        return JSONResponse({"classes": project.classes.listed()})


def _add_objects(router: APIRouter, project: Project) -> None:
    @router.get("/images/{number}/objects")
    async def get_objects(number: int, model: str | None = None) -> JSONResponse:
        entry = project.images.get(number)
        project.look(entry, model)
        objects = await run_in_threadpool(project.objects, entry, model)
        if objects is None:
            return JSONResponse({"waiting": True}, 202)
        return JSONResponse(objects)

    @router.put("/images/{number}/objects")
    def save_objects(number: int, body: SaveBody) -> JSONResponse:
        entry = project.images.get(number)
        revision = project.save(
            entry,
            [item.record() for item in body.objects],
            revision=body.revision,
            done=body.done,
            model=body.model,
        )
        classes = project.classes.listed()  # one that was removed may be there again
        saved = {"revision": revision, "objects": len(body.objects), "classes": classes}
        return JSONResponse(saved)

    @router.post("/images/{number}/split")
    def split(number: int, body: SplitBody) -> JSONResponse:
        entry = project.images.get(number)
        size = project.size(entry)
        (item,) = project.read(entry, [body.object.record()])
        parts = [part.record(size) for part in divided(item, body.line, size)]
        return JSONResponse({"objects": parts})

    @router.post("/images/{number}/merge")
    def merge(number: int, body: MergeBody) -> JSONResponse:
        entry = project.images.get(number)
        items = project.read(entry, [item.record() for item in body.objects])
        return JSONResponse({"object": merged(items).record(project.size(entry))})

    @router.post("/images/{number}/measure")
    def measure(number: int, body: MeasureBody) -> JSONResponse:
        return JSONResponse(measured(body.shape, project.size(project.images.get(number))))


def _add_others(router: APIRouter, project: Project) -> None:
    @router.get("/download")
    async def download(
        kind: str,
        ids: str = "all",
        min_score: Annotated[float, Query(ge=0, le=1)] = 0.0,
        model: str | None = None,
    ) -> FileResponse:
        chosen = None if ids == "all" else _numbers(ids)
        made = await run_in_threadpool(make, project, kind, chosen, min_score, model)
        missing = await run_in_threadpool(without_objects, project) if chosen is None else 0
        headers = {"X-Content-Type-Options": "nosniff"}
        if missing:
            headers["X-Relook-Left-Out"] = (
                f"{counted(missing, 'image')} without objects so far left out"
            )
        return FileResponse(
            made.path,
            filename=made.name,
            headers=headers,
            background=BackgroundTask(made.close),
        )

    next_image = NextImage(project)

    @router.get("/suggestion")
    async def suggestion(model: str | None = None) -> JSONResponse:
        found = next_image.suggestion(model)
        busy = project.predictions is not None and project.predictions.is_busy
        return JSONResponse({"id": found.id, "reason": found.reason, "waiting": busy})


def _add_teaching(router: APIRouter, teacher: Teacher) -> None:
    @router.post("/teach")
    def teach(body: TeachBody) -> JSONResponse:
        teacher.begin(body.ids, minutes=body.minutes, steps=body.steps, model=body.model)
        return JSONResponse(teacher.record(), 202)

    @router.post("/teach/standby")
    def prepare_teaching() -> JSONResponse:
        teacher.prepare()
        return JSONResponse(teacher.record(), 202)

    @router.get("/teach")
    def get_teaching() -> JSONResponse:
        return JSONResponse(teacher.record())

    @router.delete("/teach")
    def stop_teaching() -> JSONResponse:
        teacher.stop()
        return JSONResponse(teacher.record())

    @router.get("/teach/pictures/{number}.png")
    def get_teaching_picture(number: int) -> Response:
        content = teacher.picture(number)
        if content is None:
            raise UnknownTile("U01", f"there is no picture {number} of this training.")
        return Response(content, media_type=_PNG)


def _added(project: Project, files: list[UploadFile]) -> list[dict[str, Any]]:
    """Keep images that were sent; all of them, or the first error with the names kept so far."""
    if len(files) > MOST_UPLOADED:
        raise UsageError(
            "U04",
            f"{counted(len(files), 'image')} at once; at most {MOST_UPLOADED}. Send them in parts, "
            "or open their folder: relook app FOLDER.",
        )
    added: list[dict[str, Any]] = []
    for file in files:
        try:
            entry = project.images.add(file.filename or "image", file.file.read())
        except DataError as error:
            if not added:
                raise
            names = ", ".join(str(record["name"]) for record in added)
            raise DataError(error.code, f"{error.message} Kept: {names[:500]}.") from None
        added.append(project.image_record(entry))
    return added


def _picture(make: Callable[[], bytes]) -> Response:
    return Response(make(), media_type=_PNG, headers=_SECONDS)


def _numbers(text: str) -> list[int]:
    """The numbers of ``7,8``.

    Raises:
        UsageError: U03 for anything else.
    """
    parts = text[:200_000].split(",")
    if not all(part.strip().isdecimal() and len(part) < 12 for part in parts):
        raise UsageError("U03", "ids: expected numbers with commas between, such as 7,8, or all.")
    return list(dict.fromkeys(int(part) for part in parts))


async def _not_found(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RelookError)
    return JSONResponse(error_record(error), 404)


async def _conflict(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RelookError)
    more = {"revision": error.revision} if isinstance(error, Outdated) else {}
    return JSONResponse({**error_record(error), **more}, 409)
