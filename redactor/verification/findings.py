"""The faces that a redacted video shows, with their times."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from redactor.geometry import Box
from redactor.results import BareFace, Place, Verification
from redactor.video.facts import VideoFacts
from redactor.video.picture import quarters_of

MOST_LISTED: Final = 1000
BREAK_SECONDS: Final = 0.5  # the longest time within one finding that a face is covered or undetected


@dataclass(frozen=True, slots=True)
class Sight:
    """A visible face in one frame. `box` is in stored pixels, `detail` is the share of its detail that is left."""

    track: int
    box: Box
    detail: float


@dataclass(slots=True)
class _Run:
    first: tuple[int, float]  # frame and time
    last: tuple[int, float]
    count: int
    clearest: Place
    detail: float


class Findings:
    """Collects visible faces frame by frame. The list is bounded, so memory does not grow with the video."""

    def __init__(self, facts: VideoFacts) -> None:
        self._facts = facts
        self._quarters = quarters_of(facts.rotation)
        self._open: dict[int, _Run] = {}
        self._closed: list[BareFace] = []
        self._bare_faces = 0
        self._bare_frames = 0

    def add(self, frame: int, time: float, sights: Iterable[Sight]) -> None:
        """Add the visible faces in `frame`, at `time` in seconds. Frames come in order."""
        some = False
        for sight in sights:
            some = True
            place = Place(frame, time, self._share(sight.box))
            run = self._open.get(sight.track)
            if run is None:
                self._bare_faces += 1
                self._open[sight.track] = _Run((frame, time), (frame, time), 1, place, sight.detail)
                continue
            run.last = frame, time
            run.count += 1
            if sight.detail > run.detail:
                run.clearest, run.detail = place, sight.detail
        self._bare_frames += some
        for track in [track for track, run in self._open.items() if time - run.last[1] > BREAK_SECONDS]:
            self._close(self._open.pop(track))

    def result(self, frames: int, faces: int, seconds: float) -> Verification:
        for run in self._open.values():
            self._close(run)
        self._open.clear()
        bare = tuple(sorted(self._closed, key=lambda face: (face.start, face.first_frame)))
        return Verification(frames, faces, self._bare_faces, self._bare_frames, bare, seconds)

    def _close(self, run: _Run) -> None:
        if len(self._closed) < MOST_LISTED:
            self._closed.append(
                BareFace(run.first[0], run.last[0], run.first[1], run.last[1], run.count, run.clearest, run.detail)
            )

    def _share(self, box: Box) -> Box:
        """Convert a box to shares of the upright picture."""
        shares = box.stretched(1 / self._facts.width, 1 / self._facts.height)
        return shares.turned(self._quarters)
