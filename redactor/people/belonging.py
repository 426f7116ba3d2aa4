"""Whether annotations belong to a video: those of another one would leave its faces bare."""

from fractions import Fraction
from typing import Final

from redactor.errors import ConfigurationUnsupported
from redactor.people.annotations import Annotations
from redactor.video.facts import VideoFacts
from redactor.video.identity import VideoIdentity
from redactor.video.picture import quarters_of

LEAST_DIFFERENCE: Final = 1.0  # seconds by which lengths may differ, since containers state them roughly,
DIFFERENCE: Final = 0.02  # or share of the length
RATE_DIFFERENCE: Final = 0.01


def check_belonging(annotations: Annotations, facts: VideoFacts, video: VideoIdentity) -> None:
    """Raise ConfigurationUnsupported if the annotations were made of another video.

    Our own files say what they were made of. Files of other programs are compared by the picture's size and the length.
    """
    own = annotations.video
    differences = []
    if own is None:
        stored, turned = (facts.width, facts.height), (facts.height, facts.width)
        if annotations.size is not None and annotations.size not in {stored, turned}:
            here = _by(turned if quarters_of(facts.rotation) % 2 else stored)
            differences.append(_different("the picture", f"{_by(annotations.size)} pixels", here))
        length = None if annotations.end is None else float(annotations.end)
    else:
        length = own.duration
        if own.pictures != video.pictures:
            differences.append("its first pictures differ")
        if abs(own.rate - video.rate) > RATE_DIFFERENCE * video.rate:
            differences.append(_different("the rate", f"{own.rate:g} frames a second", f"{video.rate:g}"))
    if length is not None and video.duration is not None:
        allowed = max(LEAST_DIFFERENCE, DIFFERENCE * video.duration)
        if abs(length - video.duration) > allowed:
            differences.append(_different("the length", f"{length:.1f} seconds", f"{video.duration:.1f}"))
    if differences:
        of = f" ({own.file})" if own else ""
        raise ConfigurationUnsupported(
            f"the annotations are of another video{of} than {video.file}: {'; '.join(differences)}"
        )


def clock_shift(annotations: Annotations, first: Fraction, origin: Fraction) -> Fraction:
    """Return what to add to a video's times to look them up.

    Files of ours without a `video` were made when a clock that began at `origin` was kept. They begin with the first
    frame, which is at `first` now.
    """
    if annotations.video is not None or not origin or annotations.start is None:
        return Fraction(0)
    return origin if abs(annotations.start - first - origin) < abs(annotations.start - first) else Fraction(0)


def _different(what: str, there: str, here: str) -> str:
    return f"{what} is {there} there and {here} here"


def _by(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"
