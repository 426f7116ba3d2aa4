"""One verification: detect faces in the input with the most effort, and compare their pixels with the output."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from av.packet import Packet
from av.video.frame import VideoFrame

from redactor.engine import cancellable, check_source, configure_libraries, on_a_canvas, progress_of
from redactor.errors import ConfigurationUnsupported
from redactor.faces.analysis import Analysis, RegionedFrame
from redactor.geometry import Box
from redactor.options import Damaged, Options, Quality
from redactor.people.annotations import read
from redactor.people.second_pass import SecondPass, chosen_ids
from redactor.results import Progress, Verification
from redactor.verification.detail import Luma, remaining_detail
from redactor.verification.findings import Findings, Sight
from redactor.verification.pictures import are_alike, luma
from redactor.video.canvas import Canvas, largest
from redactor.video.facts import VideoFacts
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
    shown = _shown_people(options)
    configure_libraries()
    fitted = _canvas(source, redacted)

    def compare(canvas: Canvas | None) -> Verification:
        return _compare(source, redacted, options, shown, canvas or fitted, on_progress, cancel)

    return on_a_canvas(source, compare)


def _compare(
    source: Path,
    redacted: Path,
    options: Options,
    shown: Callable[[Source], SecondPass] | None,
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
        people = shown(before) if shown else None
        outputs = _frames(after.items())
        analysis = Analysis(facts, Options(quality=Quality.ACCURATE, projection=options.projection))
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
            meant = [region.box for region in people.regions_of(item.frame)] if people else []
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


def _bare(item: RegionedFrame, before: Luma, after: Luma, meant: Sequence[Box]) -> Iterator[Sight]:
    """Yield the faces detected in a frame that the output shows, except those `meant` to be shown."""
    for region in item.regions:
        if not region.seen or any(region.box.overlap(box) >= SHOWN_OVERLAP for box in meant):
            continue
        left = remaining_detail(before, after, region.box)
        if left is not None and left >= BARE:
            yield Sight(region.track, region.box, left)


def _shown_people(options: Options) -> Callable[[Source], SecondPass] | None:
    """Return the annotated people that the output shows on purpose."""
    if options.annotations is None:
        return None
    annotations = read(Path(options.annotations))
    shown = annotations.ids - chosen_ids(annotations, options)
    return lambda opened: SecondPass(opened, annotations, shown)


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
