"""One video under review: its state, its work in the background, and its documents for the page."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final

import redactor
from redactor.documents import parsed
from redactor.errors import Cancelled, RedactionError
from redactor.options import Options
from redactor.page import proxy
from redactor.page.files import Files, Outdated
from redactor.page.regions import packed
from redactor.people.annotations import Annotations, read
from redactor.reports import bare_faces
from redactor.results import Progress
from redactor.video.identity import identity

VIEWER_SECONDS: Final = 5.0  # after which a browser that has not asked is gone

type Report = Callable[[Progress], None]


@dataclass(slots=True)
class _Work:
    """Work in the background. `activity` names the step."""

    activity: str
    percent: float = 0.0
    cancel: threading.Event = field(default_factory=threading.Event)


class Busy(Exception):  # noqa: N818
    """The video is being worked on, or is approved."""


class Reviewed:
    """A video and its review. Its methods are safe for several threads."""

    def __init__(self, id_: str, files: Files, options: Options, pool: Executor) -> None:
        """`options` are those of the analysis and of the redaction. `pool` does the work, one step at a time."""
        self.id = id_
        self.files = files
        self._options = options
        self._pool = pool
        self._lock = threading.RLock()
        self._work: _Work | None = None
        self._error: str | None = None
        self._viewers: dict[str, float] = {}
        self._annotations: tuple[Annotations, bytes] | None = None
        self._ids: tuple[Annotations, frozenset[int]] | None = None
        self._counts: tuple[int, int] | None = None
        self._played: bool | None = None  # by browsers, without another version

    # State

    def state(self, viewer: str | None = None) -> dict[str, Any]:
        """Return the video's state for the page. `viewer` is a browser that looks at it."""
        with self._lock:
            now = time.monotonic()
            if viewer is not None:
                self._viewers[viewer] = now
            self._viewers = {one: seen for one, seen in self._viewers.items() if now - seen < VIEWER_SECONDS}
            files, work = self.files, self._work
            try:
                stat = files.video.stat()
            except OSError as error:
                return self._missing(error)
            state: dict[str, Any] = {
                "id": self.id,
                "name": files.video.name,
                "size": stat.st_size,
                "state": self._name(),
                "changed": _moment(files.decisions.stat().st_mtime if files.decisions.exists() else stat.st_mtime),
                "others": len(self._viewers.keys() - {viewer}),
                "output": files.output.name,
            }
            if files.output.exists():
                state["existing"] = files.output.name
            if work is not None:
                state["progress"] = {"activity": work.activity, "percent": round(work.percent, 1)}
            if self._error is not None:
                state["error"] = self._error
            if self._counts is not None and files.annotations.exists():
                state["people"], state["doubts"] = self._counts
                state["tag"] = self.version()
                if files.proxy.exists():
                    state["media"] = f"api/videos/{self.id}/media/proxy"
                elif self._played:
                    state["media"] = f"api/videos/{self.id}/media/video"
            if (approval := files.read_approval()) is not None:
                state["result"] = approval | {"media": f"api/videos/{self.id}/media/result"}
            return state

    def _missing(self, error: OSError) -> dict[str, Any]:
        """Return the state of a video that was moved or deleted. The others can be reviewed all the same."""
        return {
            "id": self.id,
            "name": self.files.video.name,
            "size": 0,
            "state": "failed",
            "error": f"{self.files.video}: cannot be read ({error.strerror})",
            "changed": _moment(time.time()),
            "others": 0,
            "output": self.files.output.name,
        }

    def _name(self) -> str:
        activity = None if self._work is None else self._work.activity
        if activity in {"analyzing", "redacting", "verifying"}:
            return activity or ""
        if not self.files.annotations.exists() or self._counts is None:
            return "new" if self._error is None else "failed"
        return "open" if self.files.read_approval() is None else "approved"

    def version(self) -> str:
        return self.files.read_decisions()[1]

    # Documents

    def annotations(self) -> Annotations:
        return self._loaded()[0]

    def regions(self) -> bytes:
        """Return the annotations as the page reads them."""
        return self._loaded()[1]

    def frame_ticks(self) -> Iterator[tuple[int, int]]:
        """Yield the first tick of each frame and the tick after its last one."""
        for fragment in self.annotations().fragments:
            for index in range(len(fragment.events)):
                start = fragment.start + index * fragment.interval
                yield start, start + fragment.interval

    def _loaded(self) -> tuple[Annotations, bytes]:
        with self._lock:
            if self._annotations is None:
                annotations = read(self.files.annotations)
                rate = annotations.video.rate if annotations.video else 25.0
                self._annotations = annotations, packed(annotations, rate)
            return self._annotations

    def _known(self) -> frozenset[int]:
        annotations = self.annotations()
        if self._ids is None or self._ids[0] is not annotations:
            self._ids = annotations, annotations.ids
        return self._ids[1]

    def save(self, document: Any, version: str) -> str:
        """See `Files.write_decisions`. Raises Busy while the decisions are in use."""
        with self._lock:
            if self._name() != "open":
                raise Busy("the decisions are locked: the video is approved, or is being redacted")
            return self.files.write_decisions(document, version, self._known())

    # Work

    def prepare(self) -> None:
        """Analyse the video unless there is an analysis of it, and make what browsers need."""
        with self._lock:
            if self._work is None:
                self._start("analyzing" if self._analysed() is None else "proxy", self._prepare)

    def analyze(self) -> None:
        """Analyse the video, again if it failed."""
        with self._lock:
            if self._work is not None:
                raise Busy("the video is being worked on already")
            self._start("analyzing", self._prepare)

    def make_proxy(self) -> None:
        """Make the version for browsers, because one could not play the video."""
        with self._lock:
            if self._work is None and not self.files.proxy.exists():
                self._played = False
                self._start("proxy", self._make_proxy)

    def approve(self, version: str, user: str, *, overwrite: bool) -> None:
        """Redact by the decisions of that version, and verify.

        Raises Busy, FileExistsError for a result that must not be overwritten, and Outdated for another version.
        """
        with self._lock:
            if self._work is not None or self._name() != "open":
                raise Busy("the video is being worked on, or is approved already")
            if self.version() != version:
                raise Outdated
            if self.files.output.exists() and not overwrite:
                raise FileExistsError(self.files.output.name)
            self.files.approve_decisions(version)
            self._start("redacting", lambda work: self._redact(work, version, user))

    def verify(self) -> None:
        """Verify the result, if that was stopped."""
        with self._lock:
            if self._work is not None or self._name() != "approved":
                raise Busy("there is no approved result, or the video is being worked on")
            self._start("verifying", self._verify)

    def reopen(self) -> None:
        """Let the decisions be changed again. The result stays until the next approval."""
        with self._lock:
            if self._work is not None:
                raise Busy("the video is being worked on")
            self.files.approval.unlink(missing_ok=True)

    def stop(self) -> None:
        """Stop the work. Nothing of its step is kept."""
        with self._lock:
            if self._work is not None:
                self._work.cancel.set()

    def _start(self, activity: str, step: Callable[[_Work], None]) -> Future[None]:
        self._error = None
        work = self._work = _Work(activity)
        return self._pool.submit(self._run, work, step)

    def _run(self, work: _Work, step: Callable[[_Work], None]) -> None:
        error = None
        try:
            step(work)
        except Cancelled:
            pass  # somebody wanted it
        except RedactionError as failure:
            error = str(failure)
        except Exception as failure:  # the page shows it, and the server goes on
            error = f"internal failure: {type(failure).__name__}: {failure}"
        with self._lock:
            self._work, self._error = None, error

    def _prepare(self, work: _Work) -> None:
        counts = self._analysed()
        if counts is None:
            self.files.proxy.unlink(missing_ok=True)  # it may be of another video of that name
            redactor.analyze(self.files.video, self.files.folder, self._options, _reports(work), work.cancel)
            self.files.close()
            with self._lock:
                self.files.approval.unlink(missing_ok=True)
                self._annotations = None
            counts = self._analysed()
        self.files.set_aside_decisions()
        self._played = not proxy.is_needed(self.files.video)
        work.activity, work.percent = "proxy", 0.0
        self._loaded()
        with self._lock:
            self._counts = counts
        if not self._played:
            self._make_proxy(work)

    def _make_proxy(self, work: _Work) -> None:
        if not self.files.proxy.exists():
            proxy.write(self.files.video, self.files.proxy, _reports(work), work.cancel)
            self.files.close()

    def _redact(self, work: _Work, version: str, user: str) -> None:
        """Redact, record the approval, and verify. The result can be looked at while it is being verified."""
        files = self.files
        options = replace(self._options, annotations=files.annotations, decisions=files.approved)
        started = time.monotonic()
        redactor.redact(files.video, files.output, options, _reports(work), work.cancel)
        files.check_approved(version)
        approval = {
            **files.result(),
            "by": user,
            "at": _moment(time.time()),
            "decisions": version.strip('"'),
            "seconds": round(time.monotonic() - started, 3),
        }
        files.write_approval(approval)
        work.activity, work.percent = "verifying", 0.0
        self._verify(work)

    def _verify(self, work: _Work) -> None:
        files, approval = self.files, self.files.read_approval()
        if approval is None:
            return
        files.check_approved(f'"{approval["decisions"]}"')
        options = replace(self._options, annotations=files.annotations, decisions=files.approved)
        found = redactor.verify(files.video, files.output, options, _reports(work), work.cancel)
        files.write_approval(approval | {"verification": bare_faces.to_json(found)})

    def _analysed(self) -> tuple[int, int] | None:
        """Return the numbers of people and of doubtful places, or None if there is no analysis of this video."""
        if not self.files.annotations.exists() or not self.files.doubtful.exists():
            return None
        try:
            annotations = self.annotations()
        except RedactionError:
            return None
        here = identity(self.files.video)
        if annotations.video is None or (annotations.video.pictures, annotations.video.size) != (
            here.pictures,
            here.size,
        ):
            return None
        return len(annotations.ids), int(parsed(self.files.doubtful)["count"])


def _reports(work: _Work) -> Report:
    def report(progress: Progress) -> None:
        work.percent = progress.percent

    return report


def _moment(timestamp: float) -> str:
    return datetime.fromtimestamp(timestamp, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
