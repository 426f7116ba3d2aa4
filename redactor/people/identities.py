"""Which appearances are of one person, across occlusion and cuts, where their faces say so.

An appearance is what a track covers of one scene. One without a clear face, or whose own samples disagree, stays by
itself: an id too many is looked at twice by whoever reviews the faces, but two people under one id are both shown or
both hidden.
"""

from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from itertools import combinations
from typing import Final

import numpy as np
from numpy.typing import NDArray

from redactor.networks.sface import Embedding, Portrait

LEAST_SIZE: Final = 36.0  # pixels of a face, below which strangers look alike
LEAST_FACING: Final = 0.4
MOST_SAMPLES: Final = 5  # of an appearance
ALIKE: Final = 0.55  # mean likeness of two people's samples that makes them one
AT_ODDS: Final = 0.3  # likeness of two samples of an appearance below which it may hold two people
CLEARLY: Final = 0.1  # how much more alike than to somebody who is surely another
MOST_COMPARED: Final = 2000  # appearances, those with the clearest faces: time and memory are quadratic in them


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One look at a face; `worth` as of its portrait."""

    embedding: Embedding
    worth: float


@dataclass(slots=True)
class _Evidence:
    samples: list[Sample] = field(default_factory=list)  # best first
    others: set[int] = field(default_factory=set)  # seen beside it


def is_clear(portrait: Portrait) -> bool:
    """Whether a face is large and frontal enough to tell people apart by."""
    return portrait.size >= LEAST_SIZE and portrait.facing >= LEAST_FACING


def likeness(one: Sample, other: Sample) -> float:
    """-1 to 1; of two faces of one person mostly above 0.5, of strangers hardly ever."""
    return float(one.embedding @ other.embedding)


class Identities:
    """Collects what is known of each appearance, by number, and tells at the end who is who."""

    def __init__(self) -> None:
        self._known: dict[int, _Evidence] = {}

    def begin(self, number: int) -> None:
        """A new appearance, of which nothing is known yet."""
        self._known[number] = _Evidence()

    def saw_together(self, numbers: Set[int]) -> None:
        """All these were seen in one frame, so that each is somebody else."""
        for number in numbers:
            self._known[number].others.update(numbers)

    def knows(self, number: int) -> bool:
        """Whether its face was ever clear."""
        return bool(self._known[number].samples)

    def contradicts(self, number: int, sample: Sample) -> bool:
        """Whether `sample` is like none of the appearance's, though there are some."""
        samples = self._known[number].samples
        return bool(samples) and all(likeness(sample, other) < AT_ODDS for other in samples)

    def add(self, number: int, sample: Sample) -> None:
        """Keep `sample` if it is among the appearance's best."""
        samples = self._known[number].samples
        samples.append(sample)
        samples.sort(key=lambda one: -one.worth)
        del samples[MOST_SAMPLES:]

    def people(self) -> list[frozenset[int]]:
        """The appearances of each person; every one that has begun is in one of the sets."""
        compared = [number for number, evidence in self._known.items() if _agree(evidence.samples)]
        compared.sort(key=lambda number: -self._known[number].samples[0].worth)
        del compared[MOST_COMPARED:]
        groups: list[list[int]] = []
        if compared:
            # Not of length 1: so the dot product of two means is the mean of all dot products.
            means = np.stack([np.mean([s.embedding for s in self._known[n].samples], axis=0) for n in compared])
            others = [[b != a and b in self._known[a].others for b in compared] for a in compared]
            groups = group(means @ means.T, np.array(others, np.bool_))
        alone = self._known.keys() - set(compared)
        people = [frozenset(compared[row] for row in rows) for rows in groups]
        return people + [frozenset({number}) for number in alone]


def group(alike: NDArray[np.float32], apart: NDArray[np.bool_]) -> list[list[int]]:
    """Rows by person: the two that are most alike are joined, again and again, until none are ALIKE enough.

    `alike` (n, n): how alike the samples of two rows are, on average. `apart` (n, n): surely two people. Two are not
    joined if one of them is nearly as much like somebody who is surely not the other.
    """
    alike, apart = alike.astype(np.float32), apart.copy()
    possible = ~apart & ~np.eye(len(apart), dtype=np.bool_)
    groups = {row: [row] for row in range(len(alike))}
    while possible.any():
        scores = np.where(possible, alike, -np.inf)
        one, other = (int(index) for index in np.unravel_index(scores.argmax(), scores.shape))
        best = scores[one, other]
        if best < ALIKE:
            break
        rivals = (apart[one] & (alike[other] > best - CLEARLY)) | (apart[other] & (alike[one] > best - CLEARLY))
        if rivals.any():
            possible[one, other] = possible[other, one] = False
            continue
        share = len(groups[one]) / (len(groups[one]) + len(groups[other]))
        alike[one] = alike[:, one] = share * alike[one] + (1 - share) * alike[other]
        apart[one] = apart[:, one] = apart[one] | apart[other]
        possible[one] = possible[:, one] = possible[one] & possible[other]
        apart[other] = apart[:, other] = possible[other] = possible[:, other] = False
        groups[one] += groups.pop(other)
    return list(groups.values())


def _agree(samples: Sequence[Sample]) -> bool:
    """Whether there are samples, and all may be of one person."""
    return bool(samples) and all(likeness(one, other) >= AT_ODDS for one, other in combinations(samples, 2))
