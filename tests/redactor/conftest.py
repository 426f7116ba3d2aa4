"""Makes clips with a known face in a known place on demand, and reads outputs."""

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.rational import AVRational
from av.sidedata.sidedata import Type
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray
from skimage import data

from redactor.geometry import Box
from redactor.video.source import Source

STATIC_HDR = {Type.MASTERING_DISPLAY_METADATA, Type.CONTENT_LIGHT_LEVEL}
MOST_KEPT = 4  # videos of a test
FACE = Box(168, 62, 280, 208)  # forehead to chin in the 512x512 astronaut


@dataclass(frozen=True)
class Scene:
    """One frame's picture: `pixels` (height, width, 3) RGB, and the place of the face if there is one."""

    pixels: NDArray[np.uint8]
    face: Box | None


@dataclass(frozen=True)
class Recipe:
    """Codec, container and tags of a clip."""

    name: str = "clip.mp4"
    codec: str = "libx264"
    pixel_format: str = "yuv420p"
    options: dict[str, str] = field(default_factory=lambda: {"crf": "16", "preset": "veryfast"})
    time_base: Fraction = Fraction(1, 12800)
    rate: int = 25
    times: Sequence[int] | None = None
    audio: Sequence[str] = ("aac",)
    tone_rate: int = 44100
    rotation: int = 0
    aspect: Fraction | None = None
    colour: tuple[int, int, int, int] | None = None  # range, primaries, transfer, matrix
    interlaced: bool = False
    metadata: dict[str, str] = field(default_factory=dict)
    chapters: bool = False


def _walk(count: int, width: int, height: int) -> list[Scene]:
    """Return pictures of the astronaut's upper half, which slides from left to right and grows."""
    picture = np.asarray(data.astronaut(), np.uint8)  # type: ignore[no-untyped-call]
    scenes = []
    for index in range(count):
        share = index / max(count - 1, 1)
        factor = height / 300 * (0.8 + 0.4 * share)
        x, y = width * (0.15 + 0.4 * share) - 150 * factor, -10 * factor
        to_frame = np.array([[factor, 0, x], [0, factor, y]], np.float32)
        pixels = cv2.warpAffine(picture, to_frame, (width, height), flags=cv2.INTER_AREA, borderValue=(40, 60, 80))
        face = Box(FACE.left * factor + x, FACE.top * factor + y, FACE.right * factor + x, FACE.bottom * factor + y)
        scenes.append(Scene(np.asarray(pixels, np.uint8), face))
    return scenes


def _write(path: Path, scenes: Sequence[Scene], recipe: Recipe) -> None:
    height, width = scenes[0].pixels.shape[:2]
    step = round(1 / (recipe.rate * recipe.time_base))
    times = recipe.times or [index * step for index in range(len(scenes))]
    with av.open(str(path), "w", options={"movflags": "use_metadata_tags"}) as container:
        container.metadata.update(recipe.metadata)
        video = container.add_stream(recipe.codec, rate=recipe.rate, options=recipe.options)
        assert isinstance(video, VideoStream)
        video.width, video.height, video.pix_fmt = width, height, recipe.pixel_format
        video.codec_context.time_base = recipe.time_base
        video.time_base = recipe.time_base
        if recipe.rotation:
            video.set_display_rotation(recipe.rotation)
        if recipe.aspect:
            video.codec_context.sample_aspect_ratio = recipe.aspect
        if recipe.interlaced:
            video.codec_context.flags |= 1 << 18 | 1 << 29
        if recipe.colour:
            context = video.codec_context
            context.color_range, context.color_primaries, context.color_trc, context.colorspace = recipe.colour
        sounds = [container.add_stream(codec, rate=recipe.tone_rate, bit_rate=128_000) for codec in recipe.audio]
        seconds = float(len(scenes) * step * recipe.time_base)
        if recipe.chapters:
            end = round(seconds * 1000)
            container.set_chapters(
                [{"id": 1, "start": 0, "end": end, "time_base": AVRational(1, 1000), "metadata": {"title": "One"}}]
            )
        for scene, time in zip(scenes, times, strict=True):
            frame = VideoFrame.from_ndarray(scene.pixels, "rgb24").reformat(format=recipe.pixel_format)
            frame.pts, frame.time_base = time, recipe.time_base
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        for number, sound in enumerate(sounds):
            assert isinstance(sound, AudioStream)
            _write_tone(container, sound, 440 * (number + 1), seconds)


def _write_tone(container: av.container.OutputContainer, stream: AudioStream, pitch: float, seconds: float) -> None:
    rate = stream.rate
    count = round(seconds * rate)
    wave = 0.3 * np.sin(np.arange(count) * 2 * np.pi * pitch / rate)
    samples = np.stack([wave, wave]).astype(np.float32)
    for start in range(0, count, 1024):
        frame = AudioFrame.from_ndarray(np.ascontiguousarray(samples[:, start : start + 1024]), "fltp", "stereo")
        frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


@dataclass(frozen=True)
class Video:
    """The content of a file. Times are in seconds; `pictures` are RGB, rotated as stored."""

    width: int
    height: int
    codec: str
    pixel_format: str
    aspect: Fraction
    rotation: int
    colour: tuple[int, int, int, int]
    times: list[Fraction]
    pictures: list[NDArray[np.uint8]]
    interlaced: list[bool]
    field_order: int
    static_hdr: dict[str, bytes]
    audio: list[list[tuple[Fraction, bytes]]]
    streams: list[str]
    chapters: list[str]
    metadata: dict[str, str]


def _exact(rational: AVRational) -> Fraction:
    return Fraction(rational.numerator, rational.denominator)


def _read(path: Path) -> Video:
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        context = video.codec_context
        times: list[Fraction] = []
        pictures: list[NDArray[np.uint8]] = []
        interlaced: list[bool] = []
        rotation = 0
        static_hdr: dict[str, bytes] = {}
        audio: dict[int, list[tuple[Fraction, bytes]]] = {stream.index: [] for stream in container.streams.audio}
        for packet in container.demux(video, *container.streams.audio):
            if packet.stream is not video:
                if packet.size:
                    assert packet.pts is not None
                    audio[packet.stream.index].append((packet.pts * _exact(packet.time_base), bytes(packet)))
                continue
            for frame in video.decode(packet):
                assert frame.pts is not None
                times.append(frame.pts * _exact(frame.time_base))
                pictures.append(np.asarray(frame.to_ndarray(format="rgb24"), np.uint8))
                interlaced.append(frame.interlaced_frame)
                static_hdr |= {kind.name: bytes(frame.side_data[kind]) for kind in STATIC_HDR & set(frame.side_data)}
                rotation = frame.rotation
        aspect = video.sample_aspect_ratio
        return Video(
            width=context.width,
            height=context.height,
            codec=context.codec.canonical_name,
            pixel_format=context.pix_fmt or "",
            aspect=_exact(aspect),
            rotation=rotation,
            colour=(context.color_range, context.color_primaries, context.color_trc, context.colorspace),
            times=times,
            pictures=pictures,
            interlaced=interlaced,
            field_order=context.field_order,
            static_hdr=static_hdr,
            audio=list(audio.values()),
            streams=[stream.type for stream in container.streams],
            chapters=[chapter["metadata"].get("title", "") for chapter in container.chapters()],
            metadata=dict(container.metadata),
        )


type MakeClip = Callable[..., Path]


@pytest.fixture(autouse=True)
def keep_videos(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With --keep-videos, copy the first videos that each test opens, under the test's name."""
    folder: Path | None = request.config.getoption("keep_videos")
    if folder is None:
        return
    folder.mkdir(parents=True, exist_ok=True)
    name = re.sub(r"\W+", "-", f"{request.path.stem} {request.node.name}").strip("-")[:150]
    open_source = Source.__init__

    def keep(self: Source, path: Path, *others: Any) -> None:
        content = path.read_bytes()
        kept = {hashlib.sha256(one.read_bytes()).digest() for one in folder.glob(f"{name}.*")}
        if len(kept) < MOST_KEPT and hashlib.sha256(content).digest() not in kept:
            (folder / f"{name}.{len(kept) + 1}{path.suffix}").write_bytes(content)
        open_source(self, path, *others)

    monkeypatch.setattr(Source, "__init__", keep)


@pytest.fixture
def walk() -> Callable[[int, int, int], list[Scene]]:
    """Return a function from (frames, width, height) to pictures of a face that moves and grows."""
    return _walk


@pytest.fixture
def scene() -> type[Scene]:
    return Scene


@pytest.fixture
def recipe() -> type[Recipe]:
    return Recipe


@pytest.fixture
def make_clip(tmp_path: Path) -> Callable[[Sequence[Scene], Recipe], Path]:
    """Return a function that writes pictures by a recipe to a file in the test's folder."""

    def make(scenes: Sequence[Scene], recipe: Recipe) -> Path:
        path = tmp_path / recipe.name
        _write(path, scenes, recipe)
        return path

    return make


@pytest.fixture(scope="session")
def write_pictures() -> Callable[..., Path]:
    """Return a function that writes RGB pictures to a file, by a recipe if there is one."""

    def write(path: Path, pictures: Sequence[NDArray[np.uint8]], recipe: Recipe | None = None) -> Path:
        _write(path, [Scene(pixels, None) for pixels in pictures], recipe or Recipe())
        return path

    return write


@pytest.fixture
def read_video() -> Callable[[Path], Video]:
    return _read


@pytest.fixture(scope="session")
def walking_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty 320x240 frames of a moving face, with sound. Tests share the file and must not change it."""
    path = tmp_path_factory.mktemp("clips") / "walk.mp4"
    _write(path, _walk(40, 320, 240), Recipe())
    return path
