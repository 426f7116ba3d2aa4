"""Stretches of sound to be muted or bleeped."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor
from typing import Final

import numpy as np
from numpy.typing import NDArray

BLEEP: Final = 1000.0  # Hz
LOUDNESS: Final = 0.2  # of full scale
RAMP_SECONDS: Final = 0.005  # at a tone's ends, so that they do not click

type Samples = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Silence:
    """A stretch in seconds of the output's clock, and whether a tone replaces its sound."""

    start: Fraction
    end: Fraction
    bleeps: bool = False


class Silences:
    """All stretches of one output."""

    def __init__(self, silences: Sequence[Silence]) -> None:
        self._all = silences

    def __bool__(self) -> bool:
        return bool(self._all)

    def touches(self, start: Fraction, end: Fraction) -> bool:
        """Return True if a stretch is partly between two times, in seconds."""
        return any(one.start < end and start < one.end for one in self._all)

    def apply(self, samples: Samples, at: int, rate: int) -> None:
        """Replace the silenced part of `samples`, (channels, count) from the sample `at` on, in place."""
        heard = self.replacement(at, samples.shape[1], rate)
        silenced = ~np.isnan(heard)
        samples[:, silenced] = heard[silenced]

    def replacement(self, at: int, count: int, rate: int) -> Samples:
        """Return `count` samples from the sample `at` on: nan where the sound stays. Muting is stronger."""
        made = np.full(count, np.nan, np.float32)
        for one in sorted(self._all, key=lambda silence: not silence.bleeps):
            first, last = floor(one.start * rate), ceil(one.end * rate)
            low, high = max(first, at), min(last, at + count)
            if low >= high:
                continue
            place = np.arange(low, high)
            ramp = np.minimum(1.0, np.minimum(place - first, last - 1 - place) / (RAMP_SECONDS * rate))
            tone = LOUDNESS * ramp * np.sin(2 * np.pi * BLEEP * (place - first) / rate)
            made[low - at : high - at] = tone if one.bleeps else 0.0
        return made
