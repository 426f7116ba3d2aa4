"""Ids after splits and merges, and who is shown."""

from redactor.errors import ConfigurationUnsupported
from redactor.review.decisions import Decisions, Visibility
from redactor.review.times import holds


class Persons:
    """Answers for the ids of one annotations file."""

    def __init__(self, decisions: Decisions, known: frozenset[int]) -> None:
        """`known` are the ids of the annotations.

        Raises ConfigurationUnsupported for an id that nobody has: a typing error would show or miss a face.
        """
        self._splits: dict[int, list[tuple[int, int]]] = {}  # by id: times and the ids from then on
        made: set[int] = set()
        for number, split in enumerate(decisions.splits):
            if split.into in known or split.into in made:
                raise ConfigurationUnsupported(f"into of splits[{number}] is {split.into}, which somebody has already")
            made.add(split.into)
            self._splits.setdefault(split.id, []).append((split.time, split.into))
        ids = self._reached(known)
        for place, id_ in decisions.named_ids():
            if id_ not in ids:
                raise ConfigurationUnsupported(f"{place} names id {id_}, who is nobody in the annotations")
        self._removals = decisions.removals
        self._person = {id_: id_ for id_ in ids}
        for merge in decisions.merges:
            persons = {self._person[id_] for id_ in merge.ids}
            self._person = {id_: min(persons) if person in persons else person for id_, person in self._person.items()}
        on = {
            action: {self._person[one.id] for one in decisions.people if one.action is action} for action in Visibility
        }
        self.shown = frozenset(on[Visibility.SHOW] - on[Visibility.HIDE])

    def _reached(self, known: frozenset[int]) -> set[int]:
        """Return the known ids and all that splits make of them, in whichever order the splits are listed."""
        ids, left = set(known), list(known)
        while left:
            intos = [into for _, into in self._splits.get(left.pop(), ())]
            ids.update(intos)
            left += intos
        return ids

    def id_at(self, id_: int, time: int) -> int:
        """Return the id, after all splits, of an annotated id's face in the frame that starts at `time`."""
        while due := [split for split in self._splits.get(id_, ()) if split[0] <= time]:
            id_ = max(due, key=lambda split: split[0])[1]  # the first one listed, if two are at the same time
        return id_

    def is_removed(self, id_: int, start: int, end: int) -> bool:
        """Return True if a split id is no face in the frame from `start` up to `end`."""
        return any(removal.id == id_ and holds(removal.stretch, start, end) for removal in self._removals)

    def person(self, id_: int) -> int:
        """Return the person's lowest id."""
        return self._person[id_]
