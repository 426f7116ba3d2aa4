"""One picture size, pixel shape and format for a whole file. Pictures that differ are fitted to it."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
from av.filter import Graph
from av.video.format import VideoFormat
from av.video.frame import VideoFrame

from redactor.errors import RedactionError
from redactor.video.repairs import Repair, Repairs

CHROMA: Final = ("420", "422", "444")  # from coarse to fine


@dataclass(frozen=True, slots=True)
class Crop:
    """The numbers of stored pixels that a container hides on each side."""

    top: int = 0
    bottom: int = 0
    left: int = 0
    right: int = 0

    def __bool__(self) -> bool:
        return any((self.top, self.bottom, self.left, self.right))


@dataclass(frozen=True, slots=True)
class Canvas:
    """A size in pixels, and FFmpeg's name of the pixel format."""

    width: int
    height: int
    pixel_format: str

    def holding(self, others: Iterable["Canvas"]) -> "Canvas":
        """Return the smallest canvas that holds this one and all others without loss."""
        held = self
        for one in others:
            finer = _fineness(one.pixel_format) > _fineness(held.pixel_format)
            held = Canvas(
                max(held.width, one.width),
                max(held.height, one.height),
                one.pixel_format if finer else held.pixel_format,
            )
        return held


class Outgrown(RedactionError):  # noqa: N818  not an error of the caller's
    """A picture does not fit the run's canvas. Start again with `canvas`."""

    def __init__(self, canvas: Canvas) -> None:
        super().__init__(f"a picture needs {canvas.width}x{canvas.height} {canvas.pixel_format}")
        self.canvas = canvas


class Fitter:
    """Fits pictures to the canvas. A picture that fits already is passed on unchanged."""

    def __init__(self, canvas: Canvas, crop: Crop, time_base: Fraction, repairs: Repairs) -> None:
        self.canvas = canvas
        self._crop = crop
        self._time_base = time_base
        self._repairs = repairs
        self._graphs: dict[tuple[Canvas, Fraction], Graph] = {}
        if crop:
            repairs.note(Repair.CROP, Fraction(0), f"{canvas.width}x{canvas.height} at {crop.left}, {crop.top}")

    def fitted(self, frame: VideoFrame, stretch: Fraction) -> VideoFrame:
        """Fit a picture to the canvas. `stretch` is its pixels' width relative to the file's first pictures."""
        crop, canvas = self._crop, self.canvas
        size = Canvas(frame.width - crop.left - crop.right, frame.height - crop.top - crop.bottom, frame.format.name)
        same = size == canvas and stretch == 1
        if same and not crop:
            return frame
        if (needed := canvas.holding([size])) != canvas:
            raise Outgrown(needed)
        if not same:
            detail = f"{size.width}x{size.height} {size.pixel_format}"
            if stretch != 1:
                detail += f" with pixels {float(stretch):.3f} times as wide"
            self._repairs.note(Repair.FITTED, (frame.pts or 0) * self._time_base, detail)
        graph = self._graphs.get((size, stretch))
        if graph is None:
            graph = self._graphs[size, stretch] = self._graph(frame, size, stretch)
        graph.vpush(frame)
        made = graph.vpull()
        made.time_base = frame.time_base
        return made

    def _graph(self, frame: VideoFrame, size: Canvas, stretch: Fraction) -> Graph:
        crop, canvas = self._crop, self.canvas
        graph = Graph()
        base = self._time_base
        nodes = [graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=base)]
        if crop:
            nodes.append(graph.add("crop", f"{size.width}:{size.height}:{crop.left}:{crop.top}:exact=1"))
        if (size.width, size.height) != (canvas.width, canvas.height) or stretch != 1:
            width = size.width * stretch
            factor = min(canvas.width / width, Fraction(canvas.height, size.height))
            inside = _even(width * factor, canvas.width), _even(size.height * factor, canvas.height)
            at = (canvas.width - inside[0]) // 4 * 2, (canvas.height - inside[1]) // 4 * 2
            nodes.append(graph.add("scale", f"{inside[0]}:{inside[1]}:flags=bicubic"))
            nodes.append(graph.add("pad", f"{canvas.width}:{canvas.height}:{at[0]}:{at[1]}:black"))
        nodes.append(graph.add("format", canvas.pixel_format))
        nodes.append(graph.add("buffersink"))
        graph.link_nodes(*nodes).configure()
        return graph


def largest(path: Path, formats: str, canvas: Canvas) -> Canvas:
    """Return a canvas for all keyframes of a file. Sizes change only at keyframes."""
    options = {"protocol_whitelist": "file", "format_whitelist": formats}
    with av.open(f"file:{path.absolute()}", container_options=options) as container:
        video = container.streams.best("video")
        if video is None or video.codec_context is None:
            return canvas
        video.codec_context.skip_frame = "NONKEY"
        video.codec_context.thread_type = "NONE"
        for packet in container.demux(video):
            try:
                frames = [one for one in packet.decode() if isinstance(one, VideoFrame)]
            except av.FFmpegError:
                continue
            canvas = canvas.holding(Canvas(frame.width, frame.height, frame.format.name) for frame in frames)
    return canvas


def _even(size: Fraction, most: int) -> int:
    return most if size >= most - 1 else max(2, round(size / 2) * 2)


def _fineness(pixel_format: str) -> tuple[int, int]:
    kind = VideoFormat(pixel_format)
    bits = max(8, *(component.bits for component in kind.components))
    chroma = 2 if kind.is_rgb else next((n for n, name in enumerate(CHROMA) if name in pixel_format), 0)
    return bits, chroma
