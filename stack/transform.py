"""The face-redaction Transform, defined once for both engines."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

PRESET_TYPE = "#Microsoft.Media.FaceDetectorPreset"


class BlurType(StrEnum):
    """The cover of faces (FaceDetectorPreset.blurType)."""

    BOX = "Box"
    LOW = "Low"
    MED = "Med"
    HIGH = "High"
    BLACK = "Black"


class Resolution(StrEnum):
    """The size of the picture in which faces are detected (FaceDetectorPreset.resolution)."""

    SOURCE = "SourceResolution"
    STANDARD_DEFINITION = "StandardDefinition"


class Quality(StrEnum):
    """The effort of detection, an option of our own media service only."""

    FAST = "fast"
    BALANCED = "balanced"
    ACCURATE = "accurate"


class Damaged(StrEnum):
    """The handling of a damaged video: an Error, or the last good picture in place of damaged ones."""

    REFUSE = "refuse"
    SALVAGE = "salvage"


@dataclass(frozen=True)
class FaceRedaction:
    """A Transform with one output: FaceDetectorPreset in Combined mode, from a video to a redacted video."""

    blur_type: BlurType
    resolution: Resolution
    quality: Quality = Quality.BALANCED
    verify: bool = False
    damaged: Damaged = Damaged.REFUSE
    name: str = "faceredact"
    description: str = "Transform for FaceRedaction Analyzer"
    mode: str = "Combined"
    on_error: str = "StopProcessingJob"
    relative_priority: str = "Normal"

    @property
    def experimental_options(self) -> dict[str, str] | None:
        """FaceDetectorPreset.experimentalOptions, or None if all options have their defaults."""
        options = {} if self.quality is Quality.BALANCED else {"quality": self.quality.value}
        if self.verify:
            options["verify"] = "true"
        if self.damaged is not Damaged.REFUSE:
            options["damaged"] = self.damaged.value
        return options or None

    def properties(self) -> dict[str, Any]:
        """The `properties` of the Transform's ARM resource (Microsoft.Media 2022-07-01)."""
        preset: dict[str, Any] = {
            "@odata.type": PRESET_TYPE,
            "mode": self.mode,
            "blurType": self.blur_type.value,
            "resolution": self.resolution.value,
        }
        if self.experimental_options:
            preset["experimentalOptions"] = self.experimental_options
        return {
            "description": self.description,
            "outputs": [{"onError": self.on_error, "relativePriority": self.relative_priority, "preset": preset}],
        }
