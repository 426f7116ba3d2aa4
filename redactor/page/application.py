"""The HTTP interface of docs/review-api.md."""

import json
import threading
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Final

from anyio import CapacityLimiter, create_task_group, to_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from redactor.errors import RedactionError
from redactor.page.answers import answer, failure
from redactor.page.files import Outdated
from redactor.page.guard import Guard, Keys
from redactor.page.paths import path_of
from redactor.page.reviewed import Busy, Reviewed

PAGE: Final = Path(__file__).with_name("built")
MOST_BYTES: Final = 16 * 2**20  # of a request
JSON: Final = "application/json"

type Handler = Callable[[Request], Awaitable[Response]]


def application(
    videos: Sequence[Reviewed],
    keys: Keys,
    port: int,
    user: str,
    reasons: Sequence[tuple[str, str]],
    following: set[threading.Event],
) -> ASGIApp:
    """Return the server's application, without its process.

    `following` holds an event for each thing that is being followed. Setting it stops that.
    """
    routes = _Routes({video.id: video for video in videos}, keys, port, user, reasons, following)
    routed = Starlette(
        routes=[*routes.all(), Mount("/", StaticFiles(directory=PAGE, html=True))],
        exception_handlers={HTTPException: _refused, RedactionError: _bad, Busy: _busy},
    )
    return Guard(routed, keys, port)


class _Routes:
    def __init__(
        self,
        videos: dict[str, Reviewed],
        keys: Keys,
        port: int,
        user: str,
        reasons: Sequence[tuple[str, str]],
        following: set[threading.Event],
    ) -> None:
        self._videos = videos
        self._keys = keys
        self._port = port
        self._user = user
        self._reasons = reasons
        self._following = following
        self._one_at_a_time = CapacityLimiter(1)  # each decodes the video, on all cores

    def all(self) -> list[Route]:
        one = "/api/videos/{id}"
        return [
            Route("/api/session", self.enter, methods=["POST"]),
            Route("/api/session", self.session),
            Route("/api/links", self.link, methods=["POST"]),
            Route("/api/videos", self.videos),
            Route(one, self.video),
            Route(f"{one}/analysis", self.analyze, methods=["POST"]),
            Route(f"{one}/work", self.stop, methods=["DELETE"]),
            Route(f"{one}/proxy", self.proxy, methods=["POST"]),
            Route(f"{one}/regions", self.regions),
            Route(f"{one}/doubts", self.doubts),
            Route(f"{one}/decisions", self.decisions),
            Route(f"{one}/decisions", self.save, methods=["PUT"]),
            Route(f"{one}/path", self.path, methods=["POST"]),
            Route(f"{one}/people/{{person:int}}/thumbnail", self.thumbnail),
            Route(f"{one}/media/{{kind}}", self.media),
            Route(f"{one}/approval", self.approve, methods=["POST"]),
            Route(f"{one}/approval", self.reopen, methods=["DELETE"]),
            Route(f"{one}/verification", self.verify, methods=["POST"]),
        ]

    def _video(self, request: Request) -> Reviewed:
        found = self._videos.get(request.path_params["id"])
        if found is None:
            raise HTTPException(404, "there is no such video")
        return found

    async def enter(self, request: Request) -> Response:
        body = await _body(request)
        token = body.get("token") if isinstance(body, dict) else None
        if not isinstance(token, str) or not self._keys.redeem(token):
            return failure(401, "the link was used already")
        entered = Response(status_code=204)
        self._keys.let_in(entered)
        return entered

    async def session(self, _: Request) -> Response:
        reasons = [{"code": code, "text": text} for code, text in self._reasons]
        return answer({"user": self._user, "reasons": reasons, "links": True})

    async def link(self, _: Request) -> Response:
        return answer({"address": address(self._port, self._keys)}, 201)

    async def videos(self, _: Request) -> Response:
        return answer([await to_thread.run_sync(video.state) for video in self._videos.values()])

    async def video(self, request: Request) -> Response:
        viewer = request.query_params.get("viewer", "")[:64] or None
        return answer(await to_thread.run_sync(self._video(request).state, viewer))

    async def analyze(self, request: Request) -> Response:
        self._video(request).analyze()
        return Response(status_code=202)

    async def stop(self, request: Request) -> Response:
        self._video(request).stop()
        return Response(status_code=202)

    async def proxy(self, request: Request) -> Response:
        self._video(request).make_proxy()
        return Response(status_code=202)

    async def regions(self, request: Request) -> Response:
        content = await to_thread.run_sync(self._video(request).regions)
        return Response(content, headers={"Cache-Control": "no-store"}, media_type="application/octet-stream")

    async def doubts(self, request: Request) -> Response:
        return _file(self._video(request).files.doubtful, JSON)

    async def decisions(self, request: Request) -> Response:
        text, version = await to_thread.run_sync(self._video(request).files.read_decisions)
        return Response(text, headers={"Cache-Control": "no-store", "ETag": version}, media_type=JSON)

    async def save(self, request: Request) -> Response:
        video, document = self._video(request), await _body(request)
        version = request.headers.get("if-match")
        if version is None:
            return failure(428, "If-Match is missing: the version of the decisions that were changed")
        try:
            saved = await to_thread.run_sync(video.save, document, version)
        except Outdated:
            return failure(412, "the decisions were changed in the meantime")
        return Response(status_code=204, headers={"ETag": saved})

    async def path(self, request: Request) -> Response:
        video, drawing = self._video(request), await _body(request)
        cancel = threading.Event()
        self._following.add(cancel)

        async def watch() -> None:
            # A thing that was drawn elsewhere meanwhile is not followed to its end.
            while (await request.receive())["type"] != "http.disconnect":
                pass
            cancel.set()

        try:
            async with create_task_group() as tasks:
                tasks.start_soon(watch)
                found = await to_thread.run_sync(_followed, video, drawing, cancel, limiter=self._one_at_a_time)
                tasks.cancel_scope.cancel()
        finally:
            self._following.discard(cancel)
        return found

    async def thumbnail(self, request: Request) -> Response:
        return _file(self._video(request).files.thumbnail(request.path_params["person"]), "image/jpeg")

    async def media(self, request: Request) -> Response:
        files = self._video(request).files
        paths = {"video": files.video, "proxy": files.proxy, "result": files.output}
        path = paths.get(request.path_params["kind"])
        if path is None:
            raise HTTPException(404, "there is no such file")
        # Browsers refuse QuickTime's own type, and play the same file as MP4.
        return _file(path, "video/webm" if path.suffix.lower() == ".webm" else "video/mp4")

    async def approve(self, request: Request) -> Response:
        video, body = self._video(request), await _body(request)
        if not isinstance(body, dict) or not isinstance(body.get("tag"), str):
            return failure(400, "tag is missing: the version of the decisions that are approved")
        try:
            video.approve(body["tag"], self._user, overwrite=body.get("overwrite") is True)
        except Outdated:
            return failure(412, "the decisions were changed in the meantime; look at them again")
        except FileExistsError as error:
            return failure(409, f"{error} exists already")
        return Response(status_code=202)

    async def verify(self, request: Request) -> Response:
        self._video(request).verify()
        return Response(status_code=202)

    async def reopen(self, request: Request) -> Response:
        self._video(request).reopen()
        return Response(status_code=204)


def address(port: int, keys: Keys) -> str:
    """Return a link to the page, for one use. A fragment is in no request and in no log."""
    return f"http://127.0.0.1:{port}/#token={keys.token()}"


def _followed(video: Reviewed, drawing: Any, cancel: threading.Event) -> Response:
    # A task group would wrap an error that is raised in it.
    try:
        return answer(path_of(video, drawing, cancel))
    except RedactionError as error:
        return failure(400, " ".join(str(error).split()))


def _file(path: Path, media_type: str) -> Response:
    if not path.is_file():
        raise HTTPException(404, "there is no such file")
    return FileResponse(path, media_type=media_type, headers={"Cache-Control": "no-store"})


async def _body(request: Request) -> Any:
    """Parse the request's JSON, in bounded memory."""
    received = bytearray()
    async for chunk in request.stream():
        received += chunk
        if len(received) > MOST_BYTES:
            raise HTTPException(413, f"the request is larger than {MOST_BYTES} bytes")
    try:
        return json.loads(received)
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, "the request is no JSON") from error


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return failure(error.status_code, error.detail)


async def _bad(_: Request, error: Exception) -> Response:
    return failure(400, " ".join(str(error).split()))


async def _busy(_: Request, error: Exception) -> Response:
    return failure(409, str(error))
