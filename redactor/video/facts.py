"""The main video's properties, from its container and decoder."""

import math
import struct
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import av
from av.container import InputContainer
from av.rational import AVRational
from av.video.stream import VideoStream

from redactor.errors import ContentUnsupported
from redactor.video.canvas import Canvas, Crop

BOTTOM_FIRST: Final = frozenset({3, 4})  # AV_FIELD_BB, AV_FIELD_TB: the bottom field is shown first
LARGEST_SIDE: Final = 16384  # the limit of the H.264 and HEVC encoders
MOST_PIXELS: Final = 8192 * 4320
SPHERICAL: Final = struct.Struct("4i5I")  # projection, yaw, pitch, roll; left, top, right, bottom bound; padding
EQUIRECTANGULAR: Final = 0  # AV_SPHERICAL_EQUIRECTANGULAR
SIDE_BY_SIDE: Final = struct.pack("i", 1)  # AV_STEREO3D_SIDEBYSIDE: each eye's picture has its own edges


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """Properties of the video that the output keeps. Colour fields are FFmpeg's (ISO/IEC 23091-2) numbers."""

    codec: str
    pixel_format: str
    width: int
    height: int
    time_base: Fraction
    rate: Fraction
    frames: int | None
    aspect: Fraction
    rotation: int
    display_matrix: tuple[int, ...] | None
    color_range: int
    color_primaries: int
    color_trc: int
    colorspace: int
    chroma_location: int
    interlaced: bool
    bottom_first: bool
    spherical: bool = False  # a 360° picture whose left and right edges meet

    @property
    def canvas(self) -> Canvas:
        """The canvas that every picture is fitted to."""
        return Canvas(self.width, self.height, self.pixel_format)


def described(name: str, container: InputContainer, video: VideoStream, canvas: Canvas | None) -> VideoFacts:
    """Describe a video whose decoder has seen a picture. `canvas` replaces the video's own canvas.

    Raises ContentUnsupported, with the file's `name`, for a video that no output can hold.
    """
    context, crop = video.codec_context, hidden(video)
    if canvas is None:
        width, height = context.width - crop.left - crop.right, context.height - crop.top - crop.bottom
        canvas = Canvas(width, height, context.pix_fmt or "")
    if max(canvas.width, canvas.height) > LARGEST_SIDE or canvas.width * canvas.height > MOST_PIXELS:
        raise ContentUnsupported(f"{name}: {canvas.width}x{canvas.height} is more than 8192x4320 pixels")
    if "alpha" in canvas.pixel_format or canvas.pixel_format.startswith(("yuva", "rgba", "bgra", "argb", "gbrap")):
        raise ContentUnsupported(f"{name}: has transparency ({canvas.pixel_format}), which MP4 cannot keep")
    matrix = _matrix(context.coded_side_data.get("display_matrix"))
    interlaced = context.field_order not in {0, 1}
    rate = exact(video.average_rate) or exact(video.guessed_rate) or Fraction(25)
    return VideoFacts(
        codec=context.codec.canonical_name,
        pixel_format=canvas.pixel_format,
        width=canvas.width,
        height=canvas.height,
        time_base=exact(video.time_base),
        rate=rate,
        frames=video.frames or _estimated_frames(container, video),
        aspect=exact(video.sample_aspect_ratio),
        rotation=_rotation(matrix),
        display_matrix=matrix,
        color_range=context.color_range,
        color_primaries=context.color_primaries,
        color_trc=context.color_trc,
        colorspace=context.colorspace,
        chroma_location=context.chroma_sample_location,
        interlaced=interlaced,
        bottom_first=context.field_order in BOTTOM_FIRST,
        spherical=_is_spherical(context.coded_side_data.get("spherical"), context.coded_side_data.get("stereo_3d")),
    )


def hidden(video: VideoStream) -> Crop:
    """Parse FFmpeg's frame cropping side data: native 32-bit top, bottom, left, right."""
    data = video.codec_context.coded_side_data.get("frame_cropping")
    return Crop(*struct.unpack("4I", data)) if data and len(data) == 16 else Crop()


def exact(ratio: AVRational | None) -> Fraction:
    """Convert a ratio to a fraction; None becomes 0."""
    return Fraction(ratio.numerator, ratio.denominator) if ratio and ratio.denominator else Fraction(0)


def _estimated_frames(container: InputContainer, video: VideoStream) -> int | None:
    rate, length = video.average_rate, container.duration
    return round(length / av.time_base * float(rate)) or None if rate and length else None


def _is_spherical(mapping: bytes | None, stereo: bytes | None) -> bool:
    """Parse FFmpeg's AVSphericalMapping and AVStereo3D. Return True for a full equirectangular picture of one eye.

    Containers store it in Google's sv3d and st3d boxes, in its older uuid box, or in Matroska's Projection.
    """
    if mapping is None or len(mapping) < SPHERICAL.size or (stereo is not None and stereo[:4] == SIDE_BY_SIDE):
        return False
    projection, _, _, _, left, _, right, _, _ = SPHERICAL.unpack(mapping[: SPHERICAL.size])
    return projection == EQUIRECTANGULAR and not left and not right


def _matrix(data: bytes | None) -> tuple[int, ...] | None:
    """Parse FFmpeg's display matrix side data: nine native 32-bit integers."""
    return struct.unpack("9i", data) if data and len(data) == 36 else None


def _rotation(matrix: tuple[int, ...] | None) -> int:
    """Return degrees anticlockwise, as FFmpeg's av_display_rotation_get does."""
    if matrix is None or not any(matrix[:2]) or not any(matrix[3:5]):
        return 0
    across, down = math.hypot(matrix[0], matrix[3]), math.hypot(matrix[1], matrix[4])
    return round(-math.degrees(math.atan2(matrix[1] / down, matrix[0] / across)))
