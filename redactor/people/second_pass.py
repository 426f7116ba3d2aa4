"""The second pass: regions come from an annotations file, not from a detector."""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Final

from av.packet import Packet
from av.video.frame import VideoFrame

from redactor.errors import ConfigurationUnsupported
from redactor.faces.analysis import RegionedFrame
from redactor.faces.tracking import Region
from redactor.options import Options
from redactor.people.annotations import Annotations
from redactor.people.provenance import check_end, check_provenance, clock_shift
from redactor.results import Doubts
from redactor.video.identity import identity
from redactor.video.picture import quarters_of
from redactor.video.restarts import AnyPacket
from redactor.video.source import Source

LISTED: Final = 20  # ids in an error message


def chosen_ids(annotations: Annotations, options: Options) -> frozenset[int]:
    """Return the ids to cover. Raise ConfigurationUnsupported for unknown ids: a typing error would show a face."""
    known = annotations.ids
    for name, asked in (("ids", options.ids), ("keep", options.keep)):
        if unknown := sorted((asked or frozenset()) - known):
            listed = ", ".join(map(str, sorted(known)[:LISTED])) + (", …" if len(known) > LISTED else "")
            raise ConfigurationUnsupported(
                f"{name}: {unknown[0]} is nobody in the annotations, which have {listed or 'no ids'}"
            )
    if options.ids is not None:
        return options.ids
    return known - (options.keep or frozenset())


class SecondPass:
    """Takes the place of `Analysis`, and covers exactly the annotated boxes."""

    tracks = 0  # nothing is tracked: the file holds the places

    def __init__(self, source: Source, annotations: Annotations, ids: frozenset[int], *, partial: bool = False) -> None:
        """`ids` are the people to cover. With `partial`, the annotations may end before the video.

        Raises ConfigurationUnsupported if the annotations are of another video.
        """
        self._partial = partial
        check_provenance(annotations, source.facts, identity(source.path))
        self._source = source
        self._facts = facts = source.facts
        self._shift: Fraction | None = None
        self._annotations = annotations
        self._ids = ids
        self._quarters = quarters_of(facts.rotation)
        self._shown: set[int] = set()
        self.detections = 0

    @property
    def faces(self) -> int:
        """Distinct ids covered so far."""
        return len(self._shown)

    def doubts(self) -> Doubts:
        """Return no doubts: exactly the annotated boxes are covered."""
        return Doubts()

    def run(self, items: Iterable[VideoFrame | AnyPacket]) -> Iterator[RegionedFrame | AnyPacket]:
        """Yield the same items in the same order, frames with their regions.

        Raises ConfigurationUnsupported at the end if the annotations end before.
        """
        last = Fraction(0)
        for item in items:
            if isinstance(item, Packet):
                yield item
                continue
            last = Fraction(item.pts or 0) * self._facts.time_base
            yield RegionedFrame(item, self.regions_of(item))
        if not self._partial:
            check_end(self._annotations, last)

    def regions_of(self, frame: VideoFrame) -> tuple[Region, ...]:
        time = Fraction(frame.pts or 0) * self._facts.time_base
        if self._shift is None:
            self._shift = clock_shift(self._annotations, time, self._source.origin)
        regions = tuple(
            Region(event.id, event.box.turned(-self._quarters).stretched(frame.width, frame.height), seen=True)
            for event in self._annotations.at(time + self._shift)
            if event.id in self._ids
        )
        self._shown.update(region.track for region in regions)
        self.detections += len(regions)
        return regions
