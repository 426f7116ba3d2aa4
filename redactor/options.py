"""What a caller may choose, in the words of the Media Services v3 FaceDetectorPreset."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from redactor.errors import ConfigurationUnsupported


class BlurType(StrEnum):
    """How a face is hidden. Box only outlines it and Low is light: neither is for privacy."""

    BOX = "Box"
    LOW = "Low"
    MED = "Med"
    HIGH = "High"
    BLACK = "Black"


class Resolution(StrEnum):
    """Size of the picture that is analysed; the output always keeps the source's size."""

    SOURCE = "SourceResolution"
    STANDARD = "StandardDefinition"


class Quality(StrEnum):
    """How much is spent on finding faces: accurate looks at every frame, at two sizes, and masks more widely."""

    FAST = "fast"
    BALANCED = "balanced"
    ACCURATE = "accurate"


@dataclass(frozen=True, slots=True)
class Options:
    """Choices for one run; the defaults of `blur_type` and `resolution` are the contract's.

    With `annotations`, an annotations file, no face is looked for: what the file says is covered, of all people in
    it, of those in `ids`, or of all but those in `keep`. `crf` is the encoder's constant rate factor: 0 lossless,
    18 to 20 visually lossless, 51 worst.
    Raises ConfigurationUnsupported for a `crf` out of range, for both of `ids` and `keep`, and for either of them
    without `annotations`.
    """

    blur_type: BlurType = BlurType.MED
    resolution: Resolution = Resolution.SOURCE
    quality: Quality = Quality.BALANCED
    crf: int = 20
    annotations: str | Path | None = None
    ids: frozenset[int] | None = None
    keep: frozenset[int] | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.crf <= 51:
            raise ConfigurationUnsupported(f"crf: {self.crf} is not between 0 and 51")
        if self.ids is not None and self.keep is not None:
            raise ConfigurationUnsupported("ids and keep: only one of them can be given")
        for name, chosen in (("ids", self.ids), ("keep", self.keep)):
            if chosen is not None and self.annotations is None:
                raise ConfigurationUnsupported(f"{name}: have a meaning only together with annotations")
