"""A comparison that recognises frames of the same picture."""

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np

from redactor.geometry import Box
from redactor.verification.detail import Luma

THUMBNAIL: Final = (64, 36)
AROUND: Final = 2.0  # the largest ratio of a mask's axes to the face's box
LEAST_COMPARED: Final = 0.25  # least share of the picture outside the faces for a decision
LEAST_LIKENESS: Final = 0.5  # correlation of the thumbnails outside the faces
LEAST_CONTRAST: Final = 2.0  # least standard deviation, in shades of 255, for a meaningful correlation
NEAR: Final = 8.0  # mean difference, in shades of 255, below which pictures count as alike


def are_alike(before: Luma, after: Luma, faces: Sequence[Box]) -> bool | None:
    """Return True if two pictures of one size show the same outside `faces`, or None if that cannot be decided."""
    height, width = before.shape
    one, other = (cv2.resize(picture, THUMBNAIL, interpolation=cv2.INTER_AREA) for picture in (before, after))
    outside = np.ones(one.shape, np.bool_)
    for face in faces:
        place = face.scaled(AROUND).stretched(THUMBNAIL[0] / width, THUMBNAIL[1] / height)
        rows = slice(max(0, int(place.top)), max(0, int(place.bottom) + 1))
        outside[rows, max(0, int(place.left)) : max(0, int(place.right) + 1)] = False
    if outside.mean() < LEAST_COMPARED:
        return None
    first, second = (np.asarray(picture[outside], np.float64) for picture in (one, other))
    if np.abs(first - second).mean() < NEAR:
        return True
    if min(first.std(), second.std()) < LEAST_CONTRAST:
        return False
    return float(np.corrcoef(first, second)[0, 1]) >= LEAST_LIKENESS
