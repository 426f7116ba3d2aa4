"""Scene cuts, from thumbnails of the luma plane."""

from typing import Final

import cv2
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from redactor.picture import planes

THUMBNAIL: Final = (32, 18)
# Mean absolute luma difference, as a share of full scale, that a cut exceeds and motion does not.
LEAST_CHANGE: Final = 0.09
# A cut also stands out from the change between the frames before it: fast pans do not.
LEAST_RATIO: Final = 3.0


class CutDetector:
    """Tells of each frame, in order, whether a new scene begins with it."""

    def __init__(self) -> None:
        self._last: NDArray[np.float32] | None = None
        self._usual = 0.0

    def is_cut(self, frame: VideoFrame) -> bool:
        luma = planes(frame)[0] if frame.format.is_planar else planes(frame.reformat(format="gray"))[0]
        full = 2.0 ** frame.format.components[0].bits - 1
        # Every n-th sample is enough for a thumbnail, and spares reading the whole plane.
        step = max(1, luma.shape[1] // 320)
        sampled = np.ascontiguousarray(luma[::step, ::step])
        thumbnail = cv2.resize(sampled, THUMBNAIL, interpolation=cv2.INTER_AREA).astype(np.float32) / full
        last, self._last = self._last, thumbnail
        if last is None:
            return True
        change = float(np.abs(thumbnail - last).mean())
        cut = change > LEAST_CHANGE and change > LEAST_RATIO * self._usual
        self._usual = 0.0 if cut else 0.8 * self._usual + 0.2 * change
        return cut
