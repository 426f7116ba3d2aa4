"""The first pass's output: an annotations file and one thumbnail of each person."""

import contextlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import cv2
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from redactor.drafts import draft_path, hold
from redactor.errors import ConfigurationUnsupported, RedactionError
from redactor.faces.tracking import Region
from redactor.geometry import Box
from redactor.networks.landmarks import MATCH_OVERLAP
from redactor.networks.sface import Recogniser
from redactor.people.annotations import AnnotationsWriter, Event
from redactor.people.identities import SAME_PERSON, Identities, Sample, is_clear, similarity
from redactor.people.index import page
from redactor.people.presence import Presences
from redactor.video.facts import VideoFacts
from redactor.video.identity import VideoIdentity
from redactor.video.picture import quarters_of

FIRST_PAUSE_SECONDS: Final = 0.2  # from the first look at a face to the second
PAUSE_SHARE: Final = 0.25  # before further looks, as a share of the time since the first
LONGEST_PAUSE_SECONDS: Final = 2.0  # between two looks
NOTABLE_GROWTH: Final = 1.25  # growth of a face that calls for a look at once
MEETING_OVERLAP: Final = 0.05  # overlap of two faces from which their tracks may switch
HIDDEN_SECONDS: Final = 0.3  # out of sight, after which the track may continue on another person
MOST_VIEWS: Final = 3  # of one person in the index
CROWD: Final = 200  # people from which everybody has one view
DETECTION_GAP: Final = 5  # frames, the most between two detections: a face may be there that much before it is found


@dataclass(slots=True)
class Appearance:
    """The part of a track within one scene. `previous` is the number of the same track's part before the cut.

    `first_frame` and `last_look` are frame numbers. `seen` is True once a detection supports it, not interpolation
    alone. `largest_size` is the largest face looked at, in pixels, and `best_quality` the thumbnail's.
    `contradiction` holds the last look's frame and sample if they differ from the samples before. `hidden_frames`
    counts interpolated frames since the last detection. `possible_switch` is the last frame in which the track may
    have switched to another person; the next look that confirms the person clears it.
    """

    number: int
    previous: int | None
    scene: int
    first_frame: int
    last_look: int
    seen: bool = False
    largest_size: float = 0.0
    best_quality: float = -1.0
    contradiction: tuple[int, Sample] | None = None
    hidden_frames: int = 0
    possible_switch: int | None = None


class Album:
    """A context, like a sink: `finish` completes the files, and leaving the context then publishes them."""

    def __init__(self, folder: Path, stem: str, facts: VideoFacts, video: VideoIdentity) -> None:
        self._folder = folder
        self._stem = stem
        self._facts = facts
        self._video = video
        self._quarters = quarters_of(facts.rotation)
        self._recogniser = Recogniser()
        self._identities = Identities()
        self._appearances: list[Appearance] = []
        self._current: dict[int, Appearance] = {}  # by track
        self._switches: dict[int, list[tuple[int, int]]] = {}  # by number: first frame and number of the next owner
        self._frames = 0
        self._scene: int | None = None
        self._cuts: list[int] = []
        self._finished = False
        self._partial = draft_path(folder)
        self._drafts = self._partial / "drafts"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._partial.mkdir(mode=0o700)  # bare faces are in it
            self._held = hold(self._partial)
            self._drafts.mkdir()
            # Ids are known only at the end. Until then the events wait on disk, not in memory.
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
            with contextlib.suppress(OSError):  # a full disk may refuse the last bytes
                self._events.close()
            shutil.rmtree(self._partial, ignore_errors=True)
            os.close(self._held)

    def add(self, frame: VideoFrame, scene: int, regions: Sequence[Region]) -> None:
        """Note a frame's faces and look closely at some. Frames come in order."""
        assert frame.pts is not None
        ticks = frame.pts * self._facts.time_base.numerator
        if self._scene not in {None, scene}:
            self._cuts.append(ticks)
        self._scene = scene
        across, down = 1 / frame.width, 1 / frame.height
        places = [region.box.stretched(across, down).turned(self._quarters) for region in regions]
        numbers = self._appearance_numbers(regions, scene)
        self._note_possible_switches(regions, numbers)
        due = [index for index, number in enumerate(numbers) if self._is_due(self._appearances[number], regions[index])]
        if due:
            picture = np.rot90(np.asarray(frame.to_ndarray(format="bgr24"), np.uint8), self._quarters)
            for index in due:
                box = places[index].stretched(picture.shape[1], picture.shape[0])
                numbers[index] = self._look(numbers[index], regions[index].track, picture, box)
        seen = {number for number, region in zip(numbers, regions, strict=True) if region.seen}
        for number in seen:
            self._appearances[number].seen = True
        self._identities.seen_together(seen)
        rows = [[n, b.left, b.top, b.right, b.bottom] for n, b in zip(numbers, places, strict=True)]
        with self._writing():
            self._events.write(json.dumps([ticks, rows]) + "\n")
        self._frames += 1

    def finish(self) -> int:
        """Assign ids, write everything and return the number of people."""
        people = self._people()
        ids = {number: index for index, person in enumerate(people, 1) for number in person}
        with self._writing():
            presences = self._write_annotations(ids)
            self._write_index(people, presences)
            for index, person in enumerate(people, 1):
                best = max((self._appearances[number] for number in person), key=lambda one: one.best_quality)
                if best.best_quality >= 0:  # else the face was never inside the picture
                    self._draft(best.number).replace(self._partial / f"{self._stem}_thumb{index:06d}.jpg")
        self._finished = True
        return len(people)

    def add_file(self, name: str, text: str) -> None:
        """Publish a file `<stem>_<name>` together with the others."""
        with self._writing():
            (self._partial / f"{self._stem}_{name}").write_text(text, encoding="utf-8")

    def _people(self) -> list[set[int]]:
        """Return each person's appearances, in order of the first. Interpolated gaps go to the person on both sides."""
        by_number = {number: person for person in map(set, self._identities.people()) for number in person}
        for after in self._appearances:
            filled = None if after.previous is None else self._appearances[after.previous]
            if filled is None or filled.seen or filled.previous is None or self._identities.has_samples(filled.number):
                continue
            if by_number[after.number] is by_number[filled.previous]:
                by_number[filled.number] = by_number[after.number]
                by_number[after.number].add(filled.number)
        distinct = {id(person): person for person in by_number.values()}
        return sorted(distinct.values(), key=min)

    def _appearance_numbers(self, regions: Sequence[Region], scene: int) -> list[int]:
        """Return the number of each region's appearance.

        A track may continue across a cut on another person, so a cut starts a new appearance. A region that is only
        interpolated across a cut belongs to the face detected there, if there is one.
        """
        seen = [region for region in regions if region.seen]
        numbers: list[int] = []
        for region in regions:
            current = self._current.get(region.track)
            if current is None or current.scene != scene:
                here = [one for one in seen if one is not region and region.box.overlap(one.box) >= MATCH_OVERLAP]
                owner = region.track if region.seen or not here else here[0].track
                current = self._current.get(owner)
                if current is None or current.scene != scene:
                    current = self._start_appearance(owner, scene)
            numbers.append(current.number)
        return numbers

    def _note_possible_switches(self, regions: Sequence[Region], numbers: Sequence[int]) -> None:
        """Note tracks that meet or were hidden: each may continue on another person (an ID switch)."""
        longest = HIDDEN_SECONDS * float(self._facts.rate)
        for region, number in zip(regions, numbers, strict=True):
            appearance = self._appearances[number]
            appearance.hidden_frames = 0 if region.seen else appearance.hidden_frames + 1
            meets = any(other is not region and region.box.overlap(other.box) > MEETING_OVERLAP for other in regions)
            if meets or appearance.hidden_frames > longest:
                appearance.possible_switch = self._frames

    def _start_appearance(self, track: int, scene: int) -> Appearance:
        previous = self._current.get(track)
        number = len(self._appearances)
        started = Appearance(number, previous.number if previous else None, scene, self._frames, self._frames)
        self._appearances.append(started)
        self._identities.begin(started.number)
        self._current[track] = started
        return started

    def _is_due(self, appearance: Appearance, region: Region) -> bool:
        if appearance.best_quality < 0:
            return True
        rate = float(self._facts.rate)
        settled = PAUSE_SHARE * (self._frames - appearance.first_frame) if appearance.possible_switch is None else 0.0
        pause = min(max(FIRST_PAUSE_SECONDS * rate, settled), LONGEST_PAUSE_SECONDS * rate)
        overdue = self._frames - appearance.last_look >= pause
        return region.seen and (
            overdue
            or region.box.size > NOTABLE_GROWTH * appearance.largest_size
            or appearance.contradiction is not None
        )

    def _look(self, number: int, track: int, picture: NDArray[np.uint8], box: Box) -> int:
        """Look closely at a face. Return its appearance's number, which is a new one after an ID switch."""
        appearance = self._appearances[number]
        portrait = self._recogniser.portrait(picture, box)
        if portrait is None:
            return number
        appearance.last_look = self._frames
        appearance.largest_size = max(appearance.largest_size, portrait.size)
        if is_clear(portrait):
            sample = Sample(self._recogniser.embedding(portrait), portrait.quality)
            appearance = self._assign(appearance, track, sample)
        if portrait.quality > appearance.best_quality:
            appearance.best_quality = portrait.quality
            with self._writing():
                self._draft(appearance.number).write_bytes(cv2.imencode(".jpg", portrait.pixels)[1].tobytes())
        return appearance.number

    def _assign(self, appearance: Appearance, track: int, sample: Sample) -> Appearance:
        """Assign the sample to an appearance. Two contradictions in a row are an ID switch and start a new one."""
        contradiction, appearance.contradiction = appearance.contradiction, None
        if self._identities.contradicts(appearance.number, sample):
            if contradiction is None or similarity(contradiction[1], sample) < SAME_PERSON:
                appearance.contradiction = self._frames, sample
                return appearance
            since, possible = contradiction[0], appearance.possible_switch
            if possible is not None:
                since = min(since, possible + 1) - DETECTION_GAP
            previous, appearance = appearance, self._start_appearance(track, appearance.scene)
            since = max(since, previous.first_frame + 1)
            self._switches.setdefault(previous.number, []).append((since, appearance.number))
            self._identities.add(appearance.number, contradiction[1])
        appearance.possible_switch = None
        self._identities.add(appearance.number, sample)
        return appearance

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise RedactionError(f"{self._folder}: cannot be written ({error.strerror})") from error

    def _publish(self) -> None:
        """Move the files into place, thumbnails first, so that the annotations mark a complete album."""
        files = [path for path in self._partial.iterdir() if path.is_file()]
        self._remove_old_thumbnails({path.name for path in files})
        for path in sorted(files, key=lambda path: path.suffix == ".json"):
            path.replace(self._folder / path.name)

    def _remove_old_thumbnails(self, names: Set[str]) -> None:
        """Remove thumbnails of an earlier analysis that `names` does not replace: their ids are other people's now."""
        previous = re.compile(re.escape(self._stem) + r"_thumb\d{6,}\.jpg")
        for path in self._folder.iterdir():
            if previous.fullmatch(path.name) and path.name not in names:
                path.unlink()

    def _owner(self, number: int, frame: int) -> int:
        """Return the appearance that owns the region of `number` in a frame, after all ID switches."""
        switches = [(since, by) for since, by in self._switches.get(number, ()) if frame >= since]
        return max(switches)[1] if switches else number

    def _draft(self, number: int) -> Path:
        return self._drafts / f"{number}.jpg"

    def _write_index(self, people: Sequence[set[int]], presences: Presences) -> None:
        most = MOST_VIEWS if len(people) <= CROWD else 1
        with (self._partial / "index.html").open("w", encoding="utf-8") as file:
            file.writelines(
                page(self._video.file, presences.by_id, _Views(self._draft, self._appearances, people, most))
            )

    def _write_annotations(self, ids: dict[int, int]) -> Presences:
        facts = self._facts
        width, height = (facts.width, facts.height)[:: -1 if self._quarters % 2 else 1]
        timescale = facts.time_base.denominator
        with (self._partial / f"{self._stem}_annotations.json").open("w", encoding="utf-8") as file:
            writer = AnnotationsWriter(file, timescale, float(facts.rate), width, height, self._video)
            presences = Presences(timescale, height)
            self._events.seek(0)
            for frame, line in enumerate(self._events):
                ticks, rows = json.loads(line)
                events = [Event(ids[self._owner(int(number), frame)], Box(*edges)) for number, *edges in rows]
                writer.add(ticks, events)
                presences.add(ticks, events)
            last = round(Fraction(timescale) / facts.rate)
            writer.finish(last, self._cuts)
            presences.finish(last)
        return presences


class _Views(Mapping[int, Sequence[bytes]]):
    """Each person's best views, read when they are asked for."""

    def __init__(
        self,
        draft: Callable[[int], Path],
        appearances: Sequence[Appearance],
        people: Sequence[set[int]],
        most: int,
    ) -> None:
        self._draft = draft
        self._appearances = appearances
        self._people = people
        self._most = most

    def __getitem__(self, id_: int) -> Sequence[bytes]:
        seen = [self._appearances[number] for number in self._people[id_ - 1]]
        best = sorted(seen, key=lambda one: -one.best_quality)[: self._most]
        return [self._draft(one.number).read_bytes() for one in best if one.best_quality >= 0]

    def __iter__(self) -> Iterator[int]:
        return iter(range(1, len(self._people) + 1))

    def __len__(self) -> int:
        return len(self._people)
