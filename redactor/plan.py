"""Decides what a run covers: detected faces, annotated people, and what a review decided."""

import math
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Final

from av.video.frame import VideoFrame

from redactor.faces.analysis import Analysis
from redactor.options import Options
from redactor.people.annotations import Annotations, read
from redactor.people.second_pass import SecondPass, chosen_ids
from redactor.results import Progress
from redactor.review.application import Application
from redactor.review.decisions import Sound
from redactor.review.following import follow
from redactor.review.preparation import Review, prepare
from redactor.video.restarts import AnyPacket
from redactor.video.silence import Silence, Silences
from redactor.video.source import Source

FOLLOWING_PERCENT: Final = 20.0  # of the progress of a run with drawings to follow

type Read = Callable[[], Generator[VideoFrame | AnyPacket]]
type Report = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """Annotations with the ids to cover, and a review's decisions, each if given."""

    annotations: Annotations | None
    ids: frozenset[int]
    review: Review | None

    def regions(
        self, opened: Source, options: Options, read: Read, report: Report
    ) -> SecondPass | Analysis | Application:
        """Return the regions of one run. `read` reads the video anew, for drawn things to be followed in advance.

        Raises ConfigurationUnsupported if annotations or decisions are of another video.
        """
        if self.annotations is None:
            faces: SecondPass | Analysis = Analysis(opened.facts, options)
        else:
            faces = SecondPass(opened, self.annotations, self.ids, partial=options.partial_annotations)
        if self.review is None:
            return faces
        self.review.check_video(opened)
        frames = opened.facts.frames or math.inf

        def followed(frame: int) -> None:
            report(Progress(0, opened.facts.frames, min(1.0, frame / frames) * FOLLOWING_PERCENT))

        trails = follow(self.review.decisions, opened.facts, read, followed)
        return Application(faces, self.review, opened.facts, trails)

    def silences(self) -> Silences:
        """Return the stretches of sound to be silenced."""
        if self.review is None:
            return Silences(())
        scale, sound = self.review.decisions.timescale, self.review.decisions.sound
        spans = [(one.stretch.start or 0, one.stretch.end or 0, one.action is Sound.BLEEP) for one in sound]
        return Silences([Silence(Fraction(start, scale), Fraction(end, scale), on) for start, end, on in spans])

    def after_following(self, report: Report) -> Report:
        """Return a report of the progress of what comes after following."""
        if self.review is None or not any(drawing.follow for drawing in self.review.decisions.drawings):
            return report
        left = 1 - FOLLOWING_PERCENT / 100
        return lambda progress: report(replace(progress, percent=FOLLOWING_PERCENT + left * progress.percent))


def planned(options: Options) -> Plan:
    """Read the documents of `options`, so that bad ones fail before any frame is read."""
    annotations = None if options.annotations is None else read(Path(options.annotations))
    chosen = frozenset[int]() if annotations is None else chosen_ids(annotations, options)
    return Plan(annotations, chosen, prepare(options, annotations))
