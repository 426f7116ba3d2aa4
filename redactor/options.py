"""Options of a run, named as in the Media Services v3 FaceDetectorPreset."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from redactor.errors import ConfigurationUnsupported


class BlurType(StrEnum):
    """How a face is hidden. Box only outlines it and Low blurs lightly: neither protects privacy."""

    BOX = "Box"
    LOW = "Low"
    MED = "Med"
    HIGH = "High"
    BLACK = "Black"


class Resolution(StrEnum):
    """Size of the picture in which faces are detected. The output always keeps the source's size."""

    SOURCE = "SourceResolution"
    STANDARD = "StandardDefinition"


class Quality(StrEnum):
    """Effort spent on detecting faces. `accurate` searches every frame at two sizes and draws larger masks."""

    FAST = "fast"
    BALANCED = "balanced"
    ACCURATE = "accurate"


class Projection(StrEnum):
    """The picture's projection. `auto` follows the file. The edges of equirectangular (360°) pictures meet."""

    AUTO = "auto"
    FLAT = "flat"
    EQUIRECTANGULAR = "equirectangular"


class Damaged(StrEnum):
    """Handling of damaged input: end the run, or replace damaged pictures by the last good one."""

    REFUSE = "refuse"
    SALVAGE = "salvage"


@dataclass(frozen=True, slots=True)
class Options:
    """Options of one run. The defaults of `blur_type` and `resolution` are the contract's.

    With `annotations`, the path of an annotations file, no faces are detected. The annotated people are covered: all,
    only those in `ids`, or all except those in `keep`. `crf` is the encoder's constant rate factor: 0 is lossless, 18
    to 20 visually lossless, 51 the worst. `doubtful` is a JSON file to write the doubtful places to as well.
    Annotations that end before the video are refused, unless `partial_annotations` says that nobody is covered from
    there. `decisions` is the path of a review's decisions, which say whom to cover instead of `ids` and `keep`.
    Raises ConfigurationUnsupported for a `crf` out of range, for two of `ids`, `keep` and `decisions`, and for `ids` or
    `keep` without `annotations`.
    """

    blur_type: BlurType = BlurType.MED
    resolution: Resolution = Resolution.SOURCE
    quality: Quality = Quality.BALANCED
    crf: int = 20
    annotations: str | Path | None = None
    ids: frozenset[int] | None = None
    keep: frozenset[int] | None = None
    damaged: Damaged = Damaged.REFUSE
    doubtful: str | Path | None = None
    projection: Projection = Projection.AUTO
    decisions: str | Path | None = None
    partial_annotations: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.crf <= 51:
            raise ConfigurationUnsupported(f"crf: {self.crf} is not between 0 and 51")
        if self.ids is not None and self.keep is not None:
            raise ConfigurationUnsupported("ids and keep: only one of them can be given")
        for name, chosen in (("ids", self.ids), ("keep", self.keep)):
            if chosen is not None and self.decisions is not None:
                raise ConfigurationUnsupported(f"{name} and decisions: only one of them can be given")
            if chosen is not None and self.annotations is None:
                raise ConfigurationUnsupported(f"{name}: allowed only together with annotations")
