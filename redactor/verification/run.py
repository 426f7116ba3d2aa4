"""One verification: detect faces in the input with the most effort, and compare their pixels with the output."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from av.packet import Packet
from av.video.frame import VideoFrame

from redactor.engine import cancellable, check_source, configure_libraries, on_a_canvas, progress_of
from redactor.errors import ConfigurationUnsupported
from redactor.faces.analysis import Analysis, RegionedFrame
from redactor.geometry import Box
from redactor.options import Damaged, Options, Quality
from redactor.people.second_pass import SecondPass
from redactor.plan import Plan, planned
from redactor.results import Progress, Verification
from redactor.review.application import Application, is_within
from redactor.verification.detail import Luma, remaining_detail
from redactor.verification.findings import Findings, Sight
from redactor.verification.pictures import are_alike
from redactor.video.canvas import Canvas, largest
from redactor.video.facts import VideoFacts
from redactor.video.picture import luma
from redactor.video.restarts import AnyPacket
from redactor.video.source import FORMATS, Source

BARE: Final = 0.55  # share of a face's detail that shows; High's mosaics reach 0.50 by chance
SHOWN_OVERLAP: Final = 0.2  # overlap with the box of a person who is shown on purpose
MOST_STRANGE: Final = 0.5  # share of frames with another picture, from which the output is of another video


def verify(
    source: Path,
    redacted: Path,
    options: Options,
    on_progress: Callable[[Progress], None],
    cancel: threading.Event,
) -> Verification:
    """See `redactor.verify`."""
    for path in (source, redacted):
        check_source(path)
    if redacted.samefile(source):
        raise ConfigurationUnsupported(f"{redacted}: is the input itself")
    plan = planned(options)
    configure_libraries()
    fitted = _canvas(source, redacted)

    def compare(canvas: Canvas | None) -> Verification:
        return _compare(source, redacted, options, plan, canvas or fitted, on_progress, cancel)

    return on_a_canvas(source, compare)


def _compare(
    source: Path,
    redacted: Path,
    options: Options,
    plan: Plan,
    canvas: Canvas | None,
    on_progress: Callable[[Progress], None],
    cancel: threading.Event,
) -> Verification:
    started = time.monotonic()
    # The redaction may have replaced damaged pictures of the input, so replace them here too.
    with Source(source, Damaged.SALVAGE, canvas) as before, Source(redacted) as after:
        facts = before.facts
        _check_sizes(source, before.facts, redacted, after.facts)
        findings = Findings(facts)
        outputs = _frames(after.items())
        analysis = Analysis(facts, Options(quality=Quality.ACCURATE, projection=options.projection))
        shown_on_purpose = _on_purpose(before, plan, analysis)
        frames = compared = strange = 0
        for item in analysis.run(cancellable(cancel, before.items())):
            if isinstance(item, Packet):
                continue
            output = next(outputs, None)
            if output is None:
                raise _different_lengths(source, redacted, f"ends after {frames} frames")
            old, new = luma(item.frame), luma(output)
            alike = are_alike(old, new, [region.box for region in item.regions])
            compared += alike is not None
            strange += alike is False
            meant = shown_on_purpose(item.frame)
            findings.add(frames, float((item.frame.pts or 0) * facts.time_base), _bare(item, old, new, meant))
            frames += 1
            on_progress(progress_of(frames, before))
        if next(outputs, None) is not None:
            raise _different_lengths(source, redacted, f"goes on after {frames} frames")
        if strange > MOST_STRANGE * compared:
            raise ConfigurationUnsupported(
                f"{redacted.name}: shows another picture than {source.name} in {strange} of {compared} frames"
            )
        return findings.result(frames, analysis.tracks, time.monotonic() - started)


def _bare(item: RegionedFrame, before: Luma, after: Luma, is_meant: Callable[[Box], bool]) -> Iterator[Sight]:
    """Yield the faces detected in a frame that the output shows, except those that are shown on purpose."""
    for region in item.regions:
        if not region.seen or is_meant(region.box):
            continue
        left = remaining_detail(before, after, region.box)
        if left is not None and left >= BARE:
            yield Sight(region.track, region.box, left)


def _on_purpose(source: Source, plan: Plan, analysis: Analysis) -> Callable[[VideoFrame], Callable[[Box], bool]]:
    """Return a function that says, for a frame, which faces are shown on purpose: chosen people, and decisions."""
    if plan.annotations is None and plan.review is None:
        return lambda _: lambda _: False
    ids = frozenset[int]()
    if plan.annotations is not None:
        ids = plan.annotations.ids if plan.review else plan.annotations.ids - plan.ids
    people = SecondPass(source, plan.annotations, ids) if plan.annotations else None
    review = Application(people or analysis, plan.review, source.facts, {}) if plan.review else None
    if plan.review is not None:
        plan.review.check_video(source)

    def shown(frame: VideoFrame) -> Callable[[Box], bool]:
        regions = people.regions_of(frame) if people else ()
        faces, places = review.shown(frame, regions) if review else ([region.box for region in regions], [])
        return lambda box: (
            any(box.overlap(face) >= SHOWN_OVERLAP for face in faces) or any(is_within(box, place) for place in places)
        )

    return shown


def _frames(items: Iterator[VideoFrame | AnyPacket]) -> Iterator[VideoFrame]:
    return (item for item in items if not isinstance(item, Packet))


def _canvas(source: Path, redacted: Path) -> Canvas | None:
    """Return the canvas that the input's pictures were fitted to, or None if it is the file's own."""
    with Source(source, Damaged.SALVAGE) as before, Source(redacted) as after:
        same = (before.facts.width, before.facts.height) == (after.facts.width, after.facts.height)
        return None if same else largest(source, FORMATS, before.facts.canvas)


def _check_sizes(source: Path, before: VideoFacts, redacted: Path, after: VideoFacts) -> None:
    if (before.width, before.height) != (after.width, after.height):
        raise ConfigurationUnsupported(
            f"{redacted.name}: is {after.width}x{after.height}, but {source.name} is {before.width}x{before.height}; "
            "a redacted video has its input's size"
        )


def _different_lengths(source: Path, redacted: Path, how: str) -> ConfigurationUnsupported:
    return ConfigurationUnsupported(
        f"{redacted.name}: {how}, unlike {source.name}; a redacted video has as many frames as its input"
    )
