"""Faces that were found late are looked for in the frames before: people come nearer, and turn to the camera."""

from collections.abc import Iterable
from typing import Final

from av.video.frame import VideoFrame

from redactor.faces.evidence import Candidate
from redactor.faces.frame_clock import FrameClock, Pace
from redactor.faces.search import Search
from redactor.faces.track import Sighting, Track
from redactor.faces.tracking import WEAK, Tracker

VAIN: Final = 2  # looks in vain after which a face is given up


class Backtracking:
    """Follows new tracks backwards by close-ups, in the frames that wait."""

    def __init__(self, tracker: Tracker, search: Search, clock: FrameClock, pace: Pace) -> None:
        """`pace`: from one look to the next."""
        self._tracker = tracker
        self._search = search
        self._clock = clock
        self._pace = pace

    def follow(self, waiting: Iterable[tuple[int, int, VideoFrame]], scene: int, affordable: int) -> int:
        """Look for the faces of tracks that began in the open, in frames of their scene. Return the number of looks.

        `waiting`: index, scene and picture of frames, in order; at most `affordable` are looked at.
        """
        begun = dict.fromkeys(self._tracker.begun(), 0)
        if not begun:
            return 0
        frames = {index: frame for index, of, frame in waiting if of == scene}
        if not frames:
            return 0
        looks = 0
        later = max(track.sightings[0].frame for track in begun)
        for index in sorted(frames, reverse=True):
            if index >= later or not self._pace.is_due(index, later):
                continue
            later = index
            sought = [t for t, vain in begun.items() if vain < VAIN and t.sightings[0].frame > index]
            if looks == affordable or not any(vain < VAIN for vain in begun.values()):
                break
            if not sought:
                continue
            looks += 1
            found = self._search.follow(frames[index], [track.extended(self._clock(index)) for track in sought])
            for track, candidate in zip(sought, found, strict=True):
                if candidate is None or not self._is_free(candidate, index, track):
                    begun[track] += 1
                    continue
                begun[track] = 0
                self._tracker.precede(track, Sighting(index, self._clock(index), scene, candidate))
        return looks

    def _is_free(self, candidate: Candidate, index: int, track: Track) -> bool:
        return candidate.odds >= WEAK and not self._tracker.covers(index, candidate.box, but=track)
