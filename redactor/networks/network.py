"""Networks of ONNX files, run by ONNX Runtime on pictures of any size."""

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
import onnx
import onnxruntime  # type: ignore[import-untyped]  # carries no type hints
from numpy.typing import NDArray

from redactor.networks.weights import Weights

ERROR: Final = 3  # ONNX Runtime's severity of what it logs
MOST_BLOBS: Final = 8  # sizes whose memory is kept
STRIDE: Final = 32  # the coarsest of these networks' features; pictures are padded to multiples of it


class Network:
    """A fully convolutional network of one picture, on one thread: at these sizes a second one gains little.

    For one thread: the input's memory is used again.
    """

    def __init__(self, weights: Weights, outputs: Sequence[str], *, rgb: bool = False) -> None:
        """`outputs`: the names of those that are wanted; `rgb` turns the order of the channels around."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.enable_mem_pattern = False  # patterns are cached per input shape, and shapes vary
        options.log_severity_level = ERROR  # it warns of each shape declared for one size of picture
        model = onnx.load_from_string(weights.read())
        _free(model.graph, outputs)
        self._session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        self._input = self._session.get_inputs()[0].name
        self._outputs = list(outputs)
        self._order = slice(None, None, -1 if rgb else 1)
        self._blobs: dict[tuple[int, int], NDArray[np.float32]] = {}

    def run(self, picture: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        """The outputs for `picture` (height, width, 3; uint8 BGR), padded with black at its right and bottom."""
        height, width = picture.shape[:2]
        blob = self._blob(padded(height), padded(width))
        blob[0, :, height:] = 0
        blob[0, :, :, width:] = 0
        for channel, samples in zip(blob[0, self._order], cv2.split(picture), strict=True):
            channel[:height, :width] = samples
        outputs: list[NDArray[np.float32]] = self._session.run(self._outputs, {self._input: blob})
        return outputs

    def _blob(self, height: int, width: int) -> NDArray[np.float32]:
        """Memory for an input of that size: pictures of a few sizes come again and again, and new memory is slow."""
        if (height, width) not in self._blobs:
            if len(self._blobs) == MOST_BLOBS:
                self._blobs.clear()
            self._blobs[height, width] = np.zeros((1, 3, height, width), np.float32)
        return self._blobs[height, width]


def padded(side: int) -> int:
    """A side of the network's input for that of a picture."""
    return -(-side // STRIDE) * STRIDE


def _free(graph: onnx.GraphProto, outputs: Sequence[str]) -> None:
    """Let pictures have any size, and leave out what only other outputs need.

    Old files list weights as inputs that a caller might replace, which keeps ONNX Runtime from laying them out anew:
    CenterFace takes twice as long.
    """
    weights = {tensor.name for tensor in graph.initializer}
    (picture,) = [value for value in graph.input if value.name not in weights]
    del graph.input[:]
    graph.input.append(picture)
    batch, _, height, width = graph.input[0].type.tensor_type.shape.dim
    batch.dim_value, height.dim_param, width.dim_param = 1, "height", "width"
    wanted = [value for value in graph.output if value.name in outputs]
    del graph.output[:]
    graph.output.extend(wanted)
