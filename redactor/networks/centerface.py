"""CenterFace: a second detector, slower and more reliable than YuNet.

Xu, Yan, Yang, Zhang: "CenterFace: Joint Face Detection and Alignment Using Face as Point" (2019). Its outputs are a
heat map of face centres at a quarter of the picture's size and, for each cell, the face's size and the centre's offset.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from redactor.networks import weights
from redactor.networks.detection import Detection, suppressed
from redactor.networks.network import Network

CELL: Final = 4  # pixels
HEAT, SIZE, PLACE = "537", "538", "539"  # names of the outputs in the file


class CenterFace:
    """The detector. Not safe for several threads."""

    def __init__(self) -> None:
        self._network = Network(weights.CENTERFACE, [HEAT, SIZE, PLACE], rgb=True)

    def detect(self, picture: NDArray[np.uint8], least_score: float) -> list[Detection]:
        """Return the faces in `picture` (height, width, 3; uint8 BGR), best first."""
        heat, size, place = (output[0] for output in self._network.run(picture))
        rows, columns = np.nonzero(heat[0] >= least_score)
        half_height, half_width = np.exp(size[:, rows, columns]) * (CELL / 2)
        down, across = place[:, rows, columns]
        y, x = (rows + down + 0.5) * CELL, (columns + across + 0.5) * CELL
        corners = np.stack([x - half_width, y - half_height, x + half_width, y + half_height], axis=1)
        return suppressed(corners.astype(np.float32), heat[0, rows, columns])
