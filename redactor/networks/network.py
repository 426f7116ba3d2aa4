"""ONNX networks, run by ONNX Runtime on pictures of any size."""

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
import onnx
import onnxruntime  # type: ignore[import-untyped]  # carries no type hints
from numpy.typing import NDArray

from redactor.networks.weights import Weights

ERROR: Final = 3  # ONNX Runtime's log severity
MOST_BLOBS: Final = 8  # input sizes for which memory is kept
STRIDE: Final = 32  # the coarsest of these networks' features; pictures are padded to multiples of it


class Network:
    """A fully convolutional network on one picture. It runs on one thread: a second one gains little at these sizes.

    Not safe for several threads, because the input's memory is reused.
    """

    def __init__(self, weights: Weights, outputs: Sequence[str], *, rgb: bool = False) -> None:
        """`outputs` are the names of the outputs to compute. `rgb` reverses the order of the channels."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.enable_mem_pattern = False  # patterns are cached per input shape, and shapes vary
        options.log_severity_level = ERROR  # it warns about each shape that is declared for one picture size
        model = onnx.load_from_string(weights.read())
        _allow_any_size(model.graph, outputs)
        self._session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        self._input = self._session.get_inputs()[0].name
        self._outputs = list(outputs)
        self._order = slice(None, None, -1 if rgb else 1)
        self._blobs: dict[tuple[int, int], NDArray[np.float32]] = {}

    def run(self, picture: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        """Return the outputs for `picture` (height, width, 3; uint8 BGR), padded with black at the right and bottom."""
        height, width = picture.shape[:2]
        blob = self._blob(padded(height), padded(width))
        blob[0, :, height:] = 0
        blob[0, :, :, width:] = 0
        for channel, samples in zip(blob[0, self._order], cv2.split(picture), strict=True):
            channel[:height, :width] = samples
        outputs: list[NDArray[np.float32]] = self._session.run(self._outputs, {self._input: blob})
        return outputs

    def _blob(self, height: int, width: int) -> NDArray[np.float32]:
        """Return reusable memory for an input of that size. New memory for each picture is slow."""
        if (height, width) not in self._blobs:
            if len(self._blobs) == MOST_BLOBS:
                self._blobs.clear()
            self._blobs[height, width] = np.zeros((1, 3, height, width), np.float32)
        return self._blobs[height, width]


def padded(side: int) -> int:
    """Round a picture's side up to that of the network's input."""
    return -(-side // STRIDE) * STRIDE


def _allow_any_size(graph: onnx.GraphProto, outputs: Sequence[str]) -> None:
    """Allow any picture size, and remove the nodes that only other outputs need.

    Old files list weights as inputs that a caller may replace. ONNX Runtime then cannot optimise their layout, and
    CenterFace takes twice as long. So weights are removed from the inputs.
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
