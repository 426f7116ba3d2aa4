"""Share of a face's detail that a second picture still shows.

A lossy encoder changes every pixel a little, so that equal pixels prove nothing, and neither do unequal ones. Both
pictures are cut out around the face, scaled to one size and reduced to the details that tell faces apart: eyes, nose
and mouth, an eighth to a third of a face wide. Where these agree, by correlation and strength, or where the pixels
have hardly changed, the face shows. Mosaics and blurs of High and Med agree by chance in up to 0.4 of a face, solid
fills nowhere; re-encoded faces do in 0.68 and more, up to a rate factor of 28, but for some in deep shadow.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from redactor.geometry import Box

SIDE: Final = 32  # the face's longer side
ROOM: Final = 1.5  # side of what is cut out against the face's
FINE: Final = 1.0  # the Gaussians whose difference holds the details, at that size
COARSE: Final = 3.0
NEIGHBOURHOOD: Final = 3.0  # Gaussian within which details are compared
LEAST_CORRELATION: Final = 0.7
LEAST_STRENGTH: Final = 0.5  # of the detail against what it was
MOST_CHANGE: Final = 0.7  # of a pixel that has hardly changed, against the detail around it,
CODEC_NOISE: Final = 1.5  # or in shades of 255
FLAT: Final = 0.4  # root mean square of a picture without detail, in shades of 255
LEAST_VISIBLE: Final = 0.1  # share of the face inside the frame that can be judged

type Luma = NDArray[np.uint8]
type Shades = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Cut:
    pixels: Shades
    face: NDArray[np.bool_]  # the ellipse inside the box and inside the frame


def remaining_detail(before: Luma, after: Luma, box: Box) -> float | None:
    """Share 0 to 1 of the face's detail in `before` (height, width) that `after` shows too; None outside the frame.

    `box` runs from forehead to chin. 0 where nothing shows, such as a face in a black picture.
    """
    old, new = _cut(before, box), _cut(after, box)
    if old is None or new is None:
        return None
    detail, left = _details(old.pixels), _details(new.pixels)
    energy = detail * detail
    if _root_mean(left * left, old.face) < FLAT or not energy[old.face].any():
        return 0.0
    around = cv2.GaussianBlur(energy, (0, 0), NEIGHBOURHOOD)
    shared = cv2.GaussianBlur(detail * left, (0, 0), NEIGHBOURHOOD)
    strength = cv2.GaussianBlur(left * left, (0, 0), NEIGHBOURHOOD)
    alike = (shared > LEAST_STRENGTH * around) & (shared * shared > LEAST_CORRELATION**2 * around * strength)
    change = np.abs(cv2.blur(new.pixels - old.pixels, (3, 3)))
    unchanged = change < np.maximum(MOST_CHANGE * np.sqrt(around), CODEC_NOISE)
    total = energy[old.face].sum()
    return max(float((energy * kept)[old.face].sum() / total) for kept in (alike, unchanged))


def _details(pixels: Shades) -> Shades:
    fine, coarse = (cv2.GaussianBlur(pixels, (0, 0), sigma) for sigma in (FINE, COARSE))
    return np.asarray(fine - coarse, np.float32)


def _root_mean(energy: Shades, where: NDArray[np.bool_]) -> float:
    return float(np.sqrt(energy[where].mean()))


def _cut(picture: Luma, box: Box) -> _Cut | None:
    """None if too little of the face is inside the picture."""
    longer = max(box.width, box.height)
    if longer <= 0:
        return None
    side, factor = round(SIDE * ROOM), SIDE / longer
    # What is shrunk is sampled several times for each pixel, and then averaged.
    finer = max(1, round(1 / factor))
    scale = factor * finer
    (x, y), middle = box.centre, side * finer / 2
    shift = (scale - 1) / 2  # pixels' centres are at halves
    to_cut = np.array([[scale, 0, middle - x * scale + shift], [0, scale, middle - y * scale + shift]], np.float32)
    size = (side * finer, side * finer)
    large = cv2.warpAffine(picture, to_cut, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    pixels = cv2.resize(large, (side, side), interpolation=cv2.INTER_AREA).astype(np.float32)
    offsets = (np.arange(side, dtype=np.float32) + 0.5 - side / 2) / factor
    across, down = offsets[None, :], offsets[:, None]
    ellipse = (across / (box.width / 2)) ** 2 + (down / (box.height / 2)) ** 2 <= 1
    height, width = picture.shape
    inside = (x + across >= 0) & (x + across < width) & (y + down >= 0) & (y + down < height)
    face = ellipse & inside
    return _Cut(pixels, face) if face.sum() >= max(1, LEAST_VISIBLE * ellipse.sum()) else None
