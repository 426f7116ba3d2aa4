"""What the first pass writes: an annotations file, and one thumbnail of each person."""

import contextlib
import json
import re
import secrets
import shutil
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import cv2
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from redactor.errors import ConfigurationUnsupported, RedactionError
from redactor.faces.tracking import Region
from redactor.geometry import Box
from redactor.networks.sface import SAME, Recogniser
from redactor.people.annotations import AnnotationsWriter, Event
from redactor.people.identities import ALIKE, Identities, Sample, is_clear, likeness
from redactor.video.picture import quarters_of
from redactor.video.source import VideoFacts

SOON_SECONDS: Final = 0.2  # from the first look at a face to the second
LATER: Final = 0.25  # and to a further one, as a share of the time since the first,
AT_MOST_SECONDS: Final = 2.0  # up to this
LARGER: Final = 1.25  # growth that is worth a look at once
MEETING: Final = 0.05  # overlap of two faces that may take each other's place
HIDDEN_SECONDS: Final = 0.3  # out of sight, after which somebody else may come back
UNCERTAIN: Final = 5  # frames before a face is sighted in which it may have been there: the most between two detections


@dataclass(slots=True)
class Appearance:
    """What a track covers of one scene. `former`: the number of what it covered of the scene before.

    `first`, `looked`: the frames of its first and last look; `seen`: whether it was ever more than a filled place;
    `largest`: pixels of the largest face looked at; `best`: worth of its thumbnail; `doubt`: the last look's frame and
    sample, if that looked like somebody else; `hidden`: for how many frames it has only been a filled place; `shaken`:
    the last frame in which somebody may have taken its place, until a look says who it is.
    """

    number: int
    former: int | None
    scene: int
    first: int
    looked: int
    seen: bool = False
    largest: float = 0.0
    best: float = -1.0
    doubt: tuple[int, Sample] | None = None
    hidden: int = 0
    shaken: int | None = None


class Album:
    """Use as a context, like a sink: `finish` makes it complete, and leaving it then publishes the files."""

    def __init__(self, folder: Path, stem: str, facts: VideoFacts) -> None:
        self._folder = folder
        self._stem = stem
        self._facts = facts
        self._quarters = quarters_of(facts.rotation)
        self._recogniser = Recogniser()
        self._identities = Identities()
        self._appearances: list[Appearance] = []
        self._current: dict[int, Appearance] = {}  # by track
        self._taken: dict[int, list[tuple[int, int]]] = {}  # by number: from which frame on whose place it was
        self._frames = 0
        self._finished = False
        self._partial = folder / f".{stem}.{secrets.token_hex(4)}.part"
        self._drafts = self._partial / "drafts"
        try:
            self._drafts.mkdir(parents=True)
            # Who is who is known at the end alone; until then the events wait on disk, not in memory.
            self._events = (self._drafts / "events").open("w+", encoding="utf-8")
        except OSError as error:
            raise ConfigurationUnsupported(f"{folder}: cannot be written ({error.strerror})") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._finished and kind is None:
                with self._writing():
                    self._publish()
        finally:
            with contextlib.suppress(OSError):  # what a full disk did not take
                self._events.close()
            shutil.rmtree(self._partial, ignore_errors=True)

    def add(self, frame: VideoFrame, scene: int, regions: Sequence[Region]) -> None:
        """Note a frame's faces, and look at some of them closely. Frames come in order."""
        assert frame.pts is not None
        across, down = 1 / frame.width, 1 / frame.height
        places = [region.box.stretched(across, down).turned(self._quarters) for region in regions]
        numbers = self._numbers(regions, scene)
        self._shake(regions, numbers)
        due = [index for index, number in enumerate(numbers) if self._is_due(self._appearances[number], regions[index])]
        if due:
            picture = np.rot90(np.asarray(frame.to_ndarray(format="bgr24"), np.uint8), self._quarters)
            for index in due:
                box = places[index].stretched(picture.shape[1], picture.shape[0])
                numbers[index] = self._look(numbers[index], regions[index].track, picture, box)
        seen = {number for number, region in zip(numbers, regions, strict=True) if region.seen}
        for number in seen:
            self._appearances[number].seen = True
        self._identities.saw_together(seen)
        rows = [[n, b.left, b.top, b.right, b.bottom] for n, b in zip(numbers, places, strict=True)]
        with self._writing():
            self._events.write(json.dumps([frame.pts * self._facts.time_base.numerator, rows]) + "\n")
        self._frames += 1

    def finish(self) -> int:
        """Settle who is who and write everything; the number of people."""
        people = self._people()
        ids = {number: index for index, person in enumerate(people, 1) for number in person}
        with self._writing():
            self._write_annotations(ids)
            for index, person in enumerate(people, 1):
                best = max((self._appearances[number] for number in person), key=lambda one: one.best)
                if best.best >= 0:  # else it was never inside the picture
                    self._draft(best.number).replace(self._partial / f"{self._stem}_thumb{index:06d}.jpg")
        self._finished = True
        return len(people)

    def _people(self) -> list[set[int]]:
        """Their appearances, in order of the first. What was filled between two of one person's is that person's."""
        by_number = {number: person for person in map(set, self._identities.people()) for number in person}
        for after in self._appearances:
            filled = None if after.former is None else self._appearances[after.former]
            if filled is None or filled.seen or filled.former is None or self._identities.knows(filled.number):
                continue
            if by_number[after.number] is by_number[filled.former]:
                by_number[filled.number] = by_number[after.number]
                by_number[after.number].add(filled.number)
        distinct = {id(person): person for person in by_number.values()}
        return sorted(distinct.values(), key=min)

    def _numbers(self, regions: Sequence[Region], scene: int) -> list[int]:
        """The appearance that each region belongs to.

        A track may go on across a cut, in the place of somebody else: what it covers then has to prove itself. A
        place that is only filled across a cut is that of the face seen there, if there is one.
        """
        seen = [region for region in regions if region.seen]
        numbers: list[int] = []
        for region in regions:
            current = self._current.get(region.track)
            if current is None or current.scene != scene:
                here = [one for one in seen if one is not region and region.box.overlap(one.box) >= SAME]
                owner = region.track if region.seen or not here else here[0].track
                current = self._current.get(owner)
                if current is None or current.scene != scene:
                    current = self._begin(owner, scene)
            numbers.append(current.number)
        return numbers

    def _shake(self, regions: Sequence[Region], numbers: Sequence[int]) -> None:
        """Note who meets another, or has been out of sight: a track may go on with somebody else afterwards."""
        longest = HIDDEN_SECONDS * float(self._facts.rate)
        for region, number in zip(regions, numbers, strict=True):
            appearance = self._appearances[number]
            appearance.hidden = 0 if region.seen else appearance.hidden + 1
            meets = any(other is not region and region.box.overlap(other.box) > MEETING for other in regions)
            if meets or appearance.hidden > longest:
                appearance.shaken = self._frames

    def _begin(self, track: int, scene: int) -> Appearance:
        former = self._current.get(track)
        number = len(self._appearances)
        begun = Appearance(number, former.number if former else None, scene, self._frames, self._frames)
        self._appearances.append(begun)
        self._identities.begin(begun.number)
        self._current[track] = begun
        return begun

    def _is_due(self, appearance: Appearance, region: Region) -> bool:
        if appearance.best < 0:
            return True
        rate = float(self._facts.rate)
        settled = LATER * (self._frames - appearance.first) if appearance.shaken is None else 0.0
        pause = min(max(SOON_SECONDS * rate, settled), AT_MOST_SECONDS * rate)
        overdue = self._frames - appearance.looked >= pause
        return region.seen and (
            overdue or region.box.size > LARGER * appearance.largest or appearance.doubt is not None
        )

    def _look(self, number: int, track: int, picture: NDArray[np.uint8], box: Box) -> int:
        """The appearance's number after the look, which is another one if the track has changed hands."""
        appearance = self._appearances[number]
        portrait = self._recogniser.portrait(picture, box)
        if portrait is None:
            return number
        appearance.looked = self._frames
        appearance.largest = max(appearance.largest, portrait.size)
        if is_clear(portrait):
            sample = Sample(self._recogniser.embedding(portrait), portrait.worth)
            appearance = self._weigh(appearance, track, sample)
        if portrait.worth > appearance.best:
            appearance.best = portrait.worth
            with self._writing():
                self._draft(appearance.number).write_bytes(cv2.imencode(".jpg", portrait.pixels)[1].tobytes())
        return appearance.number

    def _weigh(self, appearance: Appearance, track: int, sample: Sample) -> Appearance:
        """Whose sample it is: two in a row of somebody else mean that the track has changed hands, cut or no cut."""
        doubt, appearance.doubt = appearance.doubt, None
        if self._identities.contradicts(appearance.number, sample):
            if doubt is None or likeness(doubt[1], sample) < ALIKE:
                appearance.doubt = self._frames, sample
                return appearance
            since = doubt[0] if appearance.shaken is None else min(doubt[0], appearance.shaken + 1) - UNCERTAIN
            former, appearance = appearance, self._begin(track, appearance.scene)
            self._taken.setdefault(former.number, []).append((max(since, former.first + 1), appearance.number))
            self._identities.add(appearance.number, doubt[1])
        appearance.shaken = None
        self._identities.add(appearance.number, sample)
        return appearance

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise RedactionError(f"{self._folder}: cannot be written ({error.strerror})") from error

    def _publish(self) -> None:
        """Thumbnails first: whoever sees the annotations sees a complete album."""
        files = [path for path in self._partial.iterdir() if path.is_file()]
        self._forget_former({path.name for path in files})
        for path in sorted(files, key=lambda path: path.suffix == ".json"):
            path.replace(self._folder / path.name)

    def _forget_former(self, names: Set[str]) -> None:
        """Remove an earlier analysis' thumbnails that none of `names` replaces: their ids are somebody else's now."""
        former = re.compile(re.escape(self._stem) + r"_thumb\d{6,}\.jpg")
        for path in self._folder.iterdir():
            if former.fullmatch(path.name) and path.name not in names:
                path.unlink()

    def _owner(self, number: int, frame: int) -> int:
        """Whose place that of appearance `number` was in a frame, as was found out later."""
        taken = [(since, by) for since, by in self._taken.get(number, ()) if frame >= since]
        return max(taken)[1] if taken else number

    def _draft(self, number: int) -> Path:
        return self._drafts / f"{number}.jpg"

    def _write_annotations(self, ids: dict[int, int]) -> None:
        facts = self._facts
        width, height = (facts.width, facts.height)[:: -1 if self._quarters % 2 else 1]
        timescale = facts.time_base.denominator
        with (self._partial / f"{self._stem}_annotations.json").open("w", encoding="utf-8") as file:
            writer = AnnotationsWriter(file, timescale, float(facts.rate), width, height)
            self._events.seek(0)
            for frame, line in enumerate(self._events):
                ticks, rows = json.loads(line)
                writer.add(ticks, [Event(ids[self._owner(int(number), frame)], Box(*edges)) for number, *edges in rows])
            writer.finish(round(Fraction(timescale) / facts.rate))
