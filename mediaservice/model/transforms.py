"""A transform: the processing of each job's input. The only preset is the face detector.

Values and defaults: Microsoft.Media 2022-07-01, the REST reference of FaceDetectorPreset and TransformOutput.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from mediaservice.model.authorship import Authorship

FACE_DETECTOR = "#Microsoft.Media.FaceDetectorPreset"


class BlurType(StrEnum):
    BOX = "Box"
    LOW = "Low"
    MED = "Med"
    HIGH = "High"
    BLACK = "Black"


class Mode(StrEnum):
    ANALYZE = "Analyze"
    REDACT = "Redact"
    COMBINED = "Combined"


class Resolution(StrEnum):
    SOURCE = "SourceResolution"
    STANDARD = "StandardDefinition"


class Quality(StrEnum):
    """The effort of detection, our own option: `quality` in FaceDetectorPreset.experimentalOptions."""

    FAST = "fast"
    BALANCED = "balanced"
    ACCURATE = "accurate"


class Damaged(StrEnum):
    """The handling of damaged input, our own option: `damaged` in FaceDetectorPreset.experimentalOptions."""

    REFUSE = "refuse"
    SALVAGE = "salvage"


class OnError(StrEnum):
    STOP = "StopProcessingJob"
    CONTINUE = "ContinueJob"


class Priority(StrEnum):
    LOW = "Low"
    NORMAL = "Normal"
    HIGH = "High"

    @property
    def rank(self) -> int:
        """The order of priorities: 0 goes first."""
        return (Priority.HIGH, Priority.NORMAL, Priority.LOW).index(self)


class _Wire(BaseModel):
    """A body. Unknown fields are ignored, as Media Services did; wrong types are refused."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


class FaceDetectorPreset(_Wire):
    type: Literal["#Microsoft.Media.FaceDetectorPreset"] = Field(alias="@odata.type")
    resolution: Resolution = Resolution.SOURCE
    mode: Mode = Mode.ANALYZE
    blur_type: BlurType = Field(BlurType.MED, alias="blurType")
    experimental_options: Mapping[str, str] = Field(default_factory=dict, alias="experimentalOptions")

    @property
    def quality(self) -> Quality:
        return Quality(self.experimental_options.get("quality", Quality.BALANCED))

    @property
    def damaged(self) -> Damaged:
        return Damaged(self.experimental_options.get("damaged", Damaged.REFUSE))

    @property
    def verify(self) -> bool:
        """True to verify the redacted video before publication, and publish none that shows a face."""
        return self.experimental_options.get("verify") == "true"

    @field_validator("experimental_options")
    @classmethod
    def _known_options(cls, options: Mapping[str, str]) -> Mapping[str, str]:
        """Check the known options. Others are ignored, as unknown fields are."""
        quality = options.get("quality", Quality.BALANCED)
        if quality not in set(Quality):
            raise ValueError(f"quality {quality!r} is not supported; it is one of {', '.join(Quality)}")
        damaged = options.get("damaged", Damaged.REFUSE)
        if damaged not in set(Damaged):
            raise ValueError(f"damaged {damaged!r} is not supported; it is one of {', '.join(Damaged)}")
        verify = options.get("verify", "false")
        if verify not in {"true", "false"}:
            raise ValueError(f"verify {verify!r} is not supported; it is one of true, false")
        return options

    @model_validator(mode="after")
    def _hides_what_is_verified(self) -> Self:
        if self.verify and self.mode is not Mode.ANALYZE and self.blur_type in {BlurType.BOX, BlurType.LOW}:
            raise ValueError(f"verify needs a blurType that hides faces, Med, High or Black; it is {self.blur_type}")
        return self

    @field_validator("resolution", "mode", "blur_type", "experimental_options", mode="before")
    @classmethod
    def _null_means_default(cls, value: Any, info: Any) -> Any:
        return cls.model_fields[info.field_name].get_default(call_default_factory=True) if value is None else value


class TransformOutput(_Wire):
    on_error: OnError = Field(OnError.STOP, alias="onError")
    relative_priority: Priority = Field(Priority.NORMAL, alias="relativePriority")
    preset: FaceDetectorPreset

    @field_validator("on_error", "relative_priority", mode="before")
    @classmethod
    def _null_means_default(cls, value: Any, info: Any) -> Any:
        return cls.model_fields[info.field_name].get_default() if value is None else value

    @field_validator("preset", mode="before")
    @classmethod
    def _only_faces(cls, value: Any) -> Any:
        if isinstance(value, FaceDetectorPreset):
            return value
        kind = value.get("@odata.type") if isinstance(value, dict) else None
        if kind != FACE_DETECTOR:
            raise ValueError(f"the preset {kind!r} is not supported; this account offers {FACE_DETECTOR} only")
        return value


class TransformProperties(_Wire):
    description: str | None = None
    outputs: tuple[TransformOutput, ...] = Field(min_length=1)


@dataclass(frozen=True)
class Transform:
    name: str
    created: datetime
    last_modified: datetime
    properties: TransformProperties
    declaration: str | None = None  # digest of the deployment's definition, if it declares the transform
    authorship: Authorship | None = None  # None: the deployment's, or unknown


def parse_transform(properties: Any) -> TransformProperties:
    """Parse a definition. Raises pydantic.ValidationError."""
    return TransformProperties.model_validate(properties)
