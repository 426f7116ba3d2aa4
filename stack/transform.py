"""The face-redaction Transform, defined once and rendered for either engine."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

PRESET_TYPE = "#Microsoft.Media.FaceDetectorPreset"


class BlurType(StrEnum):
    """What faces are covered with (FaceDetectorPreset.blurType)."""

    BOX = "Box"
    LOW = "Low"
    MED = "Med"
    HIGH = "High"
    BLACK = "Black"


class Resolution(StrEnum):
    """The size at which faces are looked for (FaceDetectorPreset.resolution)."""

    SOURCE = "SourceResolution"
    STANDARD_DEFINITION = "StandardDefinition"


@dataclass(frozen=True)
class FaceRedaction:
    """A Transform of one output: FaceDetectorPreset in Combined mode, a video in, a redacted video out."""

    blur_type: BlurType
    resolution: Resolution
    name: str = "faceredact"
    description: str = "Transform for FaceRedaction Analyzer"
    mode: str = "Combined"
    on_error: str = "StopProcessingJob"
    relative_priority: str = "Normal"

    def properties(self) -> dict[str, Any]:
        """The `properties` of the Transform's ARM resource (Microsoft.Media 2022-07-01)."""
        return {
            "description": self.description,
            "outputs": [
                {
                    "onError": self.on_error,
                    "relativePriority": self.relative_priority,
                    "preset": {
                        "@odata.type": PRESET_TYPE,
                        "mode": self.mode,
                        "blurType": self.blur_type.value,
                        "resolution": self.resolution.value,
                    },
                }
            ],
        }
