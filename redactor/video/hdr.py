"""HDR10's static metadata: the mastering display (SMPTE ST 2086) and the light levels (CTA-861.3)."""

import struct
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from av.sidedata.sidedata import Type
from av.video.frame import VideoFrame

MAX_UINT16: Final = 2**16 - 1
MAX_UINT32: Final = 2**32 - 1


@dataclass(frozen=True, slots=True)
class MasteringDisplay:
    """Chromaticities x, y of green, blue, red and white in units of 0.00002; luminances in 0.0001 cd/m2."""

    chromaticities: tuple[int, ...]
    brightest: int
    darkest: int


@dataclass(frozen=True, slots=True)
class LightLevel:
    """The brightest sample (MaxCLL) and the brightest frame's mean (MaxFALL), in cd/m2."""

    content: int
    frame_average: int


@dataclass(frozen=True, slots=True)
class Hdr10:
    """Both parts of the metadata. Either may be missing."""

    display: MasteringDisplay | None = None
    light: LightLevel | None = None

    def options(self, display: str, light: str) -> list[str]:
        """Render options for x264 or x265, which name the two parts differently."""
        wanted = []
        if self.display is not None:
            pairs = zip(self.display.chromaticities[::2], self.display.chromaticities[1::2], strict=True)
            points = "".join(f"{name}({x},{y})" for name, (x, y) in zip(("G", "B", "R", "WP"), pairs, strict=True))
            wanted.append(f"{display}={points}L({self.display.brightest},{self.display.darkest})")
        if self.light is not None:
            wanted.append(f"{light}={self.light.content},{self.light.frame_average}")
        return wanted

    def boxes(self) -> bytes:
        """Render `mdcv` and `clli` (ISO/IEC 14496-12) for the sample entry. Players read it before the first frame."""
        made = b""
        if self.display is not None:
            numbers = *self.display.chromaticities, self.display.brightest, self.display.darkest
            made += struct.pack(">I4s8H2I", 32, b"mdcv", *numbers)
        if self.light is not None:
            made += struct.pack(">I4s2H", 12, b"clli", self.light.content, self.light.frame_average)
        return made


def hdr10(frame: VideoFrame) -> Hdr10:
    """Return a decoded frame's metadata, whether it comes from the container or from the coded stream."""
    display, light = (frame.side_data.get(kind) for kind in (Type.MASTERING_DISPLAY_METADATA, Type.CONTENT_LIGHT_LEVEL))
    return Hdr10(
        display=_display(bytes(display)) if display is not None else None,
        light=_light(bytes(light)) if light is not None else None,
    )


def _display(data: bytes) -> MasteringDisplay | None:
    """Parse AVMasteringDisplayMetadata: x and y of red, green, blue, white; darkest and brightest; two flags."""
    if len(data) < 88:
        return None
    numbers = struct.unpack_from("22i", data)
    if not (numbers[20] and numbers[21]):
        return None
    rationals = [Fraction(numbers[at], numbers[at + 1]) if numbers[at + 1] else Fraction(0) for at in range(0, 20, 2)]
    red, green, blue, white = (rationals[at : at + 2] for at in range(0, 8, 2))
    chromaticities = tuple(min(MAX_UINT16, max(0, round(r * 50_000))) for r in (*green, *blue, *red, *white))
    darkest, brightest = (min(MAX_UINT32, max(0, round(r * 10_000))) for r in rationals[8:])
    return MasteringDisplay(chromaticities, brightest, darkest)


def _light(data: bytes) -> LightLevel | None:
    """Parse AVContentLightMetadata: MaxCLL and MaxFALL."""
    return LightLevel(*(min(MAX_UINT16, level) for level in struct.unpack_from("2I", data))) if len(data) >= 8 else None
