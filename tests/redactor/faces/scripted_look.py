"""A look with given results, for tests without frames."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from redactor.faces.evidence import Candidate
from redactor.geometry import Box


@dataclass
class ScriptedLook:
    """A look that found `candidates`. `agrees` is the result of closer looks, `followed` that of searches."""

    candidates: Sequence[Candidate]
    agrees: bool = True
    followed: Box | None = None
    closer_looks: list[Candidate] = field(default_factory=list)
    sought: list[Box] = field(default_factory=list)

    def closer(self, candidate: Candidate) -> Candidate:
        self.closer_looks.append(candidate)
        return Candidate(candidate.box, candidate.yunet, 0.9 if self.agrees else 0.0)

    def follow(self, boxes: Sequence[Box]) -> list[Candidate | None]:
        self.sought += boxes
        return [None if self.followed is None else Candidate(self.followed, 0.7) for _ in boxes]
