"""Checks that annotations and decisions were made of a video. Those of another video would leave faces bare."""

from fractions import Fraction
from typing import Final

from redactor.errors import ConfigurationUnsupported
from redactor.people.annotations import Annotations
from redactor.video.facts import VideoFacts
from redactor.video.identity import VideoIdentity
from redactor.video.picture import quarters_of

LEAST_DIFFERENCE: Final = 1.0  # seconds by which lengths may differ, since containers state them roughly;
DIFFERENCE: Final = 0.02  # or as a share of the length
RATE_DIFFERENCE: Final = 0.01


def check_provenance(annotations: Annotations, facts: VideoFacts, video: VideoIdentity) -> None:
    """Raise ConfigurationUnsupported if the annotations were made of another video.

    Annotations by this program name their video. Those of other programs are compared by picture size and length.
    """
    if annotations.video is not None:
        check_video("annotations", annotations.video, video)
        return
    differences = []
    stored, turned = (facts.width, facts.height), (facts.height, facts.width)
    if annotations.size is not None and annotations.size not in {stored, turned}:
        here = _by(turned if quarters_of(facts.rotation) % 2 else stored)
        differences.append(_different("the picture", f"{_by(annotations.size)} pixels", here))
    differences += _lengths(None if annotations.end is None else float(annotations.end), video)
    if differences:
        raise ConfigurationUnsupported(
            f"the annotations are of another video than {video.file}: {'; '.join(differences)}"
        )


def check_end(annotations: Annotations, last: Fraction) -> None:
    """Raise ConfigurationUnsupported if the annotations end before the video, whose last frame is shown at `last`."""
    end = annotations.end or Fraction(0)
    if annotations.video is not None and last >= end:
        raise ConfigurationUnsupported(
            f"the annotations end at {float(end):.3f} seconds, but the last frame is shown at {float(last):.3f}: faces "
            "from there on would be bare; allow it with partial annotations"
        )


def check_video(document: str, own: VideoIdentity, video: VideoIdentity) -> None:
    """Raise ConfigurationUnsupported if a document, whose kind is `document`, was made of another video."""
    differences = []
    if own.pictures != video.pictures:
        differences.append("its first pictures differ")
    if abs(own.rate - video.rate) > RATE_DIFFERENCE * video.rate:
        differences.append(_different("the rate", f"{own.rate:g} frames a second", f"{video.rate:g}"))
    differences += _lengths(own.duration, video)
    if differences:
        raise ConfigurationUnsupported(
            f"the {document} are of another video ({own.file}) than {video.file}: {'; '.join(differences)}"
        )


def _lengths(length: float | None, video: VideoIdentity) -> list[str]:
    if length is None or video.duration is None:
        return []
    allowed = max(LEAST_DIFFERENCE, DIFFERENCE * video.duration)
    if abs(length - video.duration) <= allowed:
        return []
    return [_different("the length", f"{length:.1f} seconds", f"{video.duration:.1f}")]


def clock_shift(annotations: Annotations, first: Fraction, origin: Fraction) -> Fraction:
    """Return the time to add to a video's times before a look-up in the annotations.

    Older files of this program, without a `video`, kept the input's clock, which began at `origin`. They begin with
    the first frame, whose time is `first` now.
    """
    if annotations.video is not None or not origin or annotations.start is None:
        return Fraction(0)
    return origin if abs(annotations.start - first - origin) < abs(annotations.start - first) else Fraction(0)


def _different(what: str, there: str, here: str) -> str:
    return f"{what} is {there} there and {here} here"


def _by(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"
