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


class Quality(StrEnum):
    """How much is spent on finding faces: our own media service's option; Azure's never had one."""

    FAST = "fast"
    BALANCED = "balanced"
    ACCURATE = "accurate"


@dataclass(frozen=True)
class FaceRedaction:
    """A Transform of one output: FaceDetectorPreset in Combined mode, a video in, a redacted video out."""

    blur_type: BlurType
    resolution: Resolution
    quality: Quality = Quality.BALANCED
    verify: bool = False
    name: str = "faceredact"
    description: str = "Transform for FaceRedaction Analyzer"
    mode: str = "Combined"
    on_error: str = "StopProcessingJob"
    relative_priority: str = "Normal"

    @property
    def experimental_options(self) -> dict[str, str] | None:
        """FaceDetectorPreset.experimentalOptions; None where all is as usual."""
        options = {} if self.quality is Quality.BALANCED else {"quality": self.quality.value}
        if self.verify:
            options["verify"] = "true"
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
