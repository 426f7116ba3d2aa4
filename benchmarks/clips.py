"""Writes pictures to a clip."""

from collections.abc import Iterable
from pathlib import Path

import av
from av.video.frame import VideoFrame
from av.video.stream import VideoStream


def write(
    clip: Path, pictures: Iterable[VideoFrame], size: tuple[int, int], pixel_format: str, rate: int, **options: str
) -> None:
    """Write H.264 at `rate` pictures a second. `size` is width and height; `options` go to the encoder."""
    with av.open(str(clip), "w") as sink:
        stream = sink.add_stream("libx264", rate=rate, options=options)
        assert isinstance(stream, VideoStream)
        (stream.width, stream.height), stream.pix_fmt = size, pixel_format
        for index, picture in enumerate(pictures):
            picture.pts = index
            sink.mux(stream.encode(picture))
        sink.mux(stream.encode(None))
