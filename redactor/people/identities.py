"""Group appearances by person, across occlusion and cuts, by their face embeddings.

An appearance is the part of a track within one scene. It keeps an id of its own if its face was never clear, or if its
samples contradict each other. A superfluous id costs a reviewer a second look. Two people under one id would be both
shown or both hidden.
"""

from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from itertools import combinations
from typing import Final

import numpy as np
from numpy.typing import NDArray

from redactor.networks.sface import Embedding, Portrait

LEAST_SIZE: Final = 36.0  # pixels of a face; embeddings of smaller ones do not separate strangers
LEAST_FACING: Final = 0.4
MOST_SAMPLES: Final = 5  # kept for each appearance
SAME_PERSON: Final = 0.55  # mean similarity from which two appearances are one person
DIFFERENT: Final = 0.3  # similarity below which two samples may be of two people
RIVAL_MARGIN: Final = 0.1  # least lead over a person who is certainly another one
MOST_COMPARED: Final = 2000  # appearances with the clearest faces; time and memory grow with the square


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """The embedding of one portrait, and that portrait's quality."""

    embedding: Embedding
    quality: float


@dataclass(slots=True)
class _Evidence:
    samples: list[Sample] = field(default_factory=list)  # best first
    others: set[int] = field(default_factory=set)  # appearances seen in the same frame


def is_clear(portrait: Portrait) -> bool:
    """Return True if the face is large and frontal enough to be compared."""
    return portrait.size >= LEAST_SIZE and portrait.facing >= LEAST_FACING


def similarity(one: Sample, other: Sample) -> float:
    """Cosine similarity, -1 to 1: mostly above 0.5 for one person, hardly ever for strangers."""
    return float(one.embedding @ other.embedding)


class Identities:
    """Collects evidence about each appearance, by number, and groups them by person at the end."""

    def __init__(self) -> None:
        self._known: dict[int, _Evidence] = {}

    def begin(self, number: int) -> None:
        """Start an appearance without evidence."""
        self._known[number] = _Evidence()

    def seen_together(self, numbers: Set[int]) -> None:
        """Note that all of these were in one frame, so that no two are one person."""
        for number in numbers:
            self._known[number].others.update(numbers)

    def has_samples(self, number: int) -> bool:
        """Return True if the appearance's face was ever clear."""
        return bool(self._known[number].samples)

    def contradicts(self, number: int, sample: Sample) -> bool:
        """Return True if the appearance has samples and `sample` is similar to none of them."""
        samples = self._known[number].samples
        return bool(samples) and all(similarity(sample, other) < DIFFERENT for other in samples)

    def add(self, number: int, sample: Sample) -> None:
        """Keep `sample` if it is one of the appearance's best."""
        samples = self._known[number].samples
        samples.append(sample)
        samples.sort(key=lambda one: -one.quality)
        del samples[MOST_SAMPLES:]

    def people(self) -> list[frozenset[int]]:
        """Return each person's appearances. Every appearance is in exactly one set."""
        compared = [number for number, evidence in self._known.items() if _is_consistent(evidence.samples)]
        compared.sort(key=lambda number: -self._known[number].samples[0].quality)
        del compared[MOST_COMPARED:]
        groups: list[list[int]] = []
        if compared:
            # Means are not normalised: the dot product of two means is the mean of all dot products.
            means = np.stack([np.mean([s.embedding for s in self._known[n].samples], axis=0) for n in compared])
            distinct = [[b != a and b in self._known[a].others for b in compared] for a in compared]
            groups = group(means @ means.T, np.array(distinct, np.bool_))
        alone = self._known.keys() - set(compared)
        people = [frozenset(compared[row] for row in rows) for rows in groups]
        return people + [frozenset({number}) for number in alone]


def group(similarities: NDArray[np.float32], distinct: NDArray[np.bool_]) -> list[list[int]]:
    """Group rows by person: join the most similar two, again and again, down to SAME_PERSON.

    `similarities` (n, n) holds mean similarities, `distinct` (n, n) is True for two rows that are certainly two people.
    Two groups are not joined if one is nearly as similar to a third that is certainly distinct from the other.
    """
    similarities, distinct = similarities.astype(np.float32), distinct.copy()
    possible = ~distinct & ~np.eye(len(distinct), dtype=np.bool_)
    groups = {row: [row] for row in range(len(similarities))}
    while possible.any():
        scores = np.where(possible, similarities, -np.inf)
        one, other = (int(index) for index in np.unravel_index(scores.argmax(), scores.shape))
        best = scores[one, other]
        if best < SAME_PERSON:
            break
        rival = best - RIVAL_MARGIN
        rivals = (distinct[one] & (similarities[other] > rival)) | (distinct[other] & (similarities[one] > rival))
        if rivals.any():
            possible[one, other] = possible[other, one] = False
            continue
        share = len(groups[one]) / (len(groups[one]) + len(groups[other]))
        similarities[one] = similarities[:, one] = share * similarities[one] + (1 - share) * similarities[other]
        distinct[one] = distinct[:, one] = distinct[one] | distinct[other]
        possible[one] = possible[:, one] = possible[one] & possible[other]
        distinct[other] = distinct[:, other] = possible[other] = possible[:, other] = False
        groups[one] += groups.pop(other)
    return list(groups.values())


def _is_consistent(samples: Sequence[Sample]) -> bool:
    """Return True if there are samples and all may be of one person."""
    return bool(samples) and all(similarity(one, other) >= DIFFERENT for one, other in combinations(samples, 2))
