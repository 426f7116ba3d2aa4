"""Odds that a candidate is a face, from two networks' scores, and the odds required for its area.

The weights are a logistic regression on the candidates in labelled photographs and clips, fitted on one half of the
pictures and checked on the other (docs/measured.md). Both scores count, since the networks miss different faces.
"""

import math
from dataclasses import dataclass
from typing import Final

from redactor.geometry import Box

LEAST: Final = 0.05  # lower scores count as this one
ALONE: Final = (2.35, -0.8)  # weight of YuNet's score, and constant, without CenterFace
TOGETHER: Final = (0.8, 1.55, 0.55)  # weights of YuNet's and CenterFace's scores, and constant
FLOOR: Final = 0.05  # odds required for the smallest mask, which costs almost nothing
COST: Final = 20.0  # further odds, per share of the picture that a mask takes
LARGE: Final = 0.02  # share from which a needless mask spoils the picture, and a face is clearly visible
CERTAIN: Final = 5.0  # odds that suffice for any area; large labelled faces have 13 and more


@dataclass(frozen=True, slots=True)
class Candidate:
    """A place in stored pixels that may be a face.

    `yunet` and `centerface` are the networks' scores, 0 to 1. A score is 0 if the network found nothing, and
    `centerface` is None if the network did not run.
    """

    box: Box
    yunet: float
    centerface: float | None = None

    @property
    def odds(self) -> float:
        """Return the odds for a face."""
        if self.centerface is None:
            weight, constant = ALONE
            return math.exp(weight * _logit(self.yunet) + constant)
        yunet, centerface, constant = TOGETHER
        return math.exp(yunet * _logit(self.yunet) + centerface * _logit(self.centerface) + constant)


def demanded(share: float) -> float:
    """Return the odds required to cover a candidate that takes that share of the picture's area."""
    return min(CERTAIN, FLOOR + COST * share * (1 + share / LARGE))


def _logit(score: float) -> float:
    bounded = min(max(score, LEAST), 1 - LEAST)
    return math.log(bounded / (1 - bounded))
