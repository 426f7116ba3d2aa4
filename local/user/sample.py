"""A short sample clip: scikit-image's astronaut photograph (NASA, public domain), moving, with sound."""

import hashlib
import math
import tempfile
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

type Picture = NDArray[np.uint8]  # (height, width, 3), RGB

WIDTH, HEIGHT = 640, 360
FRAME_RATE = 25
SECONDS = 6
SAMPLE_RATE = 48_000
FACE = (226.0, 118.0)  # x, y in the photograph, in which the face is about 90 pixels wide
LOUDNESS = 0.12  # of full scale
MELODY_HZ = (261.6, 329.6, 392.0, 523.3, 440.0, 392.0, 349.2, 329.6, 293.7, 329.6, 293.7, 261.6)


def sample_clip(cache: Path) -> Path:
    """Return `astronaut.mp4`: 6 s of 640x360, 25 frames per second, H.264 and AAC, made on first use in `cache`.

    The face leaves the picture by about half at both sides, grows and shrinks, which exercises tracking.
    """
    recipe = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:12]
    clip = cache / f"sample-{recipe}" / "astronaut.mp4"
    if not clip.exists():
        clip.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=clip.parent) as temporary:
            unfinished = Path(temporary) / clip.name
            _write(unfinished)
            unfinished.rename(clip)
    return clip


def _write(path: Path) -> None:
    from skimage import data  # slow to import, and needed only here

    photograph: Picture = np.asarray(data.astronaut(), np.uint8)  # type: ignore[no-untyped-call]
    backdrop = np.asarray(cv2.GaussianBlur(cv2.resize(photograph, (WIDTH, HEIGHT)), (0, 0), 40), np.uint8)
    with av.open(path, "w", options={"movflags": "+faststart"}) as clip:
        video = clip.add_stream("libx264", FRAME_RATE, options={"crf": "20", "preset": "veryfast"})
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        audio = clip.add_stream("aac", SAMPLE_RATE, layout="mono")
        for number in range(SECONDS * FRAME_RATE):
            picture = _picture(photograph, backdrop, number / FRAME_RATE)
            clip.mux(video.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
            clip.mux(audio.encode(_sound(number)))
        clip.mux(video.encode(None))
        clip.mux(audio.encode(None))


def _picture(photograph: Picture, backdrop: Picture, time: float) -> Picture:
    """Return the frame at `time` seconds: the photograph over a blurred copy, so that only one face is visible."""
    scale = 0.85 + 0.3 * math.sin(2 * math.pi * time / SECONDS)
    x = WIDTH * (0.5 + 0.5 * math.sin(2 * math.pi * 1.5 * time / SECONDS))
    y = HEIGHT * (0.42 + 0.08 * math.sin(2 * math.pi * 2 * time / SECONDS))
    turn = math.radians(8) * math.sin(2 * math.pi * 2.5 * time / SECONDS)
    sine, cosine = scale * math.sin(turn), scale * math.cos(turn)
    motion = np.array(
        [
            [cosine, -sine, x - cosine * FACE[0] + sine * FACE[1]],
            [sine, cosine, y - sine * FACE[0] - cosine * FACE[1]],
        ]
    )
    picture: Picture = backdrop.copy()
    cv2.warpAffine(
        photograph,
        motion,
        (WIDTH, HEIGHT),
        dst=picture,
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_TRANSPARENT,
    )
    return picture


def _sound(number: int) -> av.AudioFrame:
    """Return one frame's duration of a quiet melody, two plucked notes per second."""
    count = SAMPLE_RATE // FRAME_RATE
    time = (number * count + np.arange(count)) / SAMPLE_RATE
    note = (time * 2).astype(int)
    since = time - note / 2
    pitch = np.array(MELODY_HZ)[note % len(MELODY_HZ)]
    envelope = np.minimum(since / 0.01, 1) * np.exp(-4 * since)
    wave = np.sin(2 * np.pi * pitch * since) + 0.3 * np.sin(4 * np.pi * pitch * since)
    frame = av.AudioFrame.from_ndarray((LOUDNESS * envelope * wave).astype(np.float32)[None], "fltp", "mono")
    frame.sample_rate, frame.pts, frame.time_base = SAMPLE_RATE, number * count, Fraction(1, SAMPLE_RATE)
    return frame


if __name__ == "__main__":
    print(sample_clip(Path(".cache")))
