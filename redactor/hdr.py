"""HDR10's static metadata: on what display a video was graded (SMPTE ST 2086), and how bright it gets (CTA-861.3)."""

import struct
from dataclasses import dataclass
from fractions import Fraction

from av.sidedata.sidedata import Type
from av.video.frame import VideoFrame


@dataclass(frozen=True, slots=True)
class Hdr10:
    """The two parts in the words of x264's and x265's options; either may be missing."""

    mastering_display: str | None
    light_level: str | None


def hdr10(frame: VideoFrame) -> Hdr10:
    """What a decoded frame carries, be it from the container or from the coded stream."""
    display, light = (frame.side_data.get(kind) for kind in (Type.MASTERING_DISPLAY_METADATA, Type.CONTENT_LIGHT_LEVEL))
    return Hdr10(
        mastering_display=_mastering_display(bytes(display)) if display is not None else None,
        light_level=_light_level(bytes(light)) if light is not None else None,
    )


def _mastering_display(data: bytes) -> str | None:
    """AVMasteringDisplayMetadata: red, green, blue and white as x and y, darkest and brightest, two flags."""
    if len(data) < 88:
        return None
    numbers = struct.unpack_from("22i", data)
    if not (numbers[20] and numbers[21]):
        return None
    rationals = [Fraction(numbers[at], numbers[at + 1]) if numbers[at + 1] else Fraction(0) for at in range(0, 20, 2)]
    # In units of 0.00002 and of 0.0001 candela per square metre.
    red_x, red_y, green_x, green_y, blue_x, blue_y, white_x, white_y = (round(r * 50_000) for r in rationals[:8])
    darkest, brightest = (round(r * 10_000) for r in rationals[8:])
    return (
        f"G({green_x},{green_y})B({blue_x},{blue_y})R({red_x},{red_y})WP({white_x},{white_y})L({brightest},{darkest})"
    )


def _light_level(data: bytes) -> str | None:
    """AVContentLightMetadata: MaxCLL and MaxFALL in candela per square metre."""
    return "{},{}".format(*struct.unpack_from("2I", data)) if len(data) >= 8 else None
