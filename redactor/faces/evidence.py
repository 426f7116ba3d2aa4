"""Odds that a candidate is a face, from what two networks say of it, and the odds that its area demands.

The weights are a logistic regression on the candidates in labelled photographs and clips, fitted on one half of the
pictures and checked on the other (docs/measured.md). Both networks' scores count: they miss different faces.
"""

import math
from dataclasses import dataclass
from typing import Final

from redactor.geometry import Box

LEAST: Final = 0.05  # a score below this says no more than this
ALONE: Final = (2.35, -0.8)  # weight of YuNet's score and constant, where CenterFace did not look
TOGETHER: Final = (0.8, 1.55, 0.55)  # weights of YuNet's and CenterFace's scores, and constant
FLOOR: Final = 0.05  # odds that the smallest patch needs: it costs next to nothing
COST: Final = 20.0  # odds for each share of the picture that a patch takes
LARGE: Final = 0.02  # share from which a needless patch spoils the picture, and a face would be seen clearly
CERTAIN: Final = 5.0  # odds that suffice for any area; labelled faces that large have 13 and more


@dataclass(frozen=True, slots=True)
class Candidate:
    """A place in stored pixels that may show a face.

    `yunet` and `centerface` are the networks' own scores, 0 to 1; 0 where one looked and saw nothing, and None for
    `centerface` where it did not look.
    """

    box: Box
    yunet: float
    centerface: float | None = None

    @property
    def odds(self) -> float:
        """For a face against none."""
        if self.centerface is None:
            weight, constant = ALONE
            return math.exp(weight * _logit(self.yunet) + constant)
        yunet, centerface, constant = TOGETHER
        return math.exp(yunet * _logit(self.yunet) + centerface * _logit(self.centerface) + constant)


def demanded(share: float) -> float:
    """Odds from which a candidate is covered that takes that share of the picture's area."""
    return min(CERTAIN, FLOOR + COST * share * (1 + share / LARGE))


def _logit(score: float) -> float:
    bounded = min(max(score, LEAST), 1 - LEAST)
    return math.log(bounded / (1 - bounded))
