"""One run: one thread decodes and analyses, another draws and encodes."""

import contextlib
import os
import queue
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Final

import av
import cv2
from av.packet import Packet
from av.video.frame import VideoFrame

from redactor import stills
from redactor.errors import Cancelled, ConfigurationUnsupported, RedactionError
from redactor.faces.analysis import Analysis, RegionedFrame
from redactor.faces.effort import margin
from redactor.kinds import is_still
from redactor.masks.blur import Painter
from redactor.options import Options
from redactor.people.album import Album
from redactor.plan import Plan, planned
from redactor.reports import doubtful_places
from redactor.results import Progress, Result
from redactor.review.application import Application
from redactor.timing import Clocks, timed
from redactor.video.canvas import Canvas, Outgrown, largest
from redactor.video.facts import VideoFacts
from redactor.video.identity import identity
from redactor.video.memory_need import check_memory
from redactor.video.picture import frame_bytes, quarters_of
from redactor.video.restarts import AnyPacket
from redactor.video.sink import Sink
from redactor.video.source import FORMATS, Source

LONGEST_NAME: Final = 255  # bytes, in the file systems in use
QUEUED_BYTES: Final = 64 * 2**20  # of frames between the threads
MOST_QUEUED: Final = 24  # items between the threads, frames and packets: they level out what a careful look takes
LEAST_QUEUED: Final = 4
CANCEL_POLL_SECONDS: Final = 0.2  # between checks of the caller's `cancel`


def run(
    source: Path,
    destination: Path,
    options: Options,
    on_progress: Callable[[Progress], None],
    cancel: threading.Event,
) -> Result:
    """See `redactor.redact`."""
    started = time.monotonic()
    check_source(source)
    _check_destination(destination, source)
    if options.doubtful is not None:
        doubtful_places.check_output(Path(options.doubtful))
    if is_still(source):
        configure_libraries()
        return stills.redact(source, destination, options)
    plan = planned(options)
    configure_libraries()

    def redact(canvas: Canvas | None) -> Result:
        return _redact(source, destination, options, plan, canvas, started, on_progress, cancel)

    return on_a_canvas(source, redact)


@contextlib.contextmanager
def _opened(source: Path, options: Options, canvas: Canvas | None) -> Iterator[Source]:
    with Source(source, options.damaged, canvas) as opened:
        check_memory(source.name, opened.facts)
        yield opened


def _redact(
    source: Path,
    destination: Path,
    options: Options,
    plan: Plan,
    canvas: Canvas | None,
    started: float,
    on_progress: Callable[[Progress], None],
    cancel: threading.Event,
) -> Result:
    with _opened(source, options, canvas) as opened, Sink(destination, opened, options.crf, plan.silences()) as sink:
        facts = opened.facts

        def read() -> Generator[VideoFrame | AnyPacket]:
            with _opened(source, options, canvas) as again:
                yield from cancellable(cancel, again.items())

        regioned = plan.regions(opened, options, read, on_progress)
        report = plan.after_following(on_progress)
        painter = Painter(options.blur_type, margin(options), quarters=quarters_of(facts.rotation))
        frames_with_faces = 0
        clocks = Clocks()
        decoded = timed(cancellable(cancel, opened.items()), clocks.decoding)
        for item in _in_thread(timed(regioned.run(decoded), clocks.analysing), cancel, opened.facts):
            if isinstance(item, Packet):
                with clocks.encoding:
                    sink.write_audio(item)
                continue
            with clocks.redacting:
                frame = _in_format(item.frame, sink.pixel_format)
                painter.draw(frame, item.regions)
            frames_with_faces += bool(item.regions)
            with clocks.encoding:
                sink.write_frame(frame)
            report(progress_of(sink.written, opened))
        with clocks.encoding:
            sink.finish(lambda: _raise_if_cancelled(cancel))
        doubts = regioned.doubts()
        if options.doubtful is not None:
            doubtful_places.write(Path(options.doubtful), doubtful_places.document(doubts, *upright_size(facts)))
        return Result(
            frames=sink.written,
            frames_with_faces=frames_with_faces,
            faces=regioned.faces,
            tracks=regioned.tracks,
            detections=regioned.detections,
            seconds=time.monotonic() - started,
            stages=clocks.stages(),
            width=facts.width,
            height=facts.height,
            audio_streams=len(opened.sounds),
            dropped=opened.dropped(),
            converted=(*sink.converted, *opened.repairs()),
            replaced=tuple(opened.replaced),
            doubts=doubts,
            decisions=regioned.applied() if isinstance(regioned, Application) else None,
        )


def analyze(
    source: Path,
    folder: Path,
    options: Options,
    on_progress: Callable[[Progress], None],
    cancel: threading.Event,
) -> Result:
    """See `redactor.analyze`."""
    started = time.monotonic()
    check_source(source)
    if is_still(source):
        raise ConfigurationUnsupported(f"{source.name}: is a still picture, which is redacted at once")
    if not folder.is_dir():
        raise ConfigurationUnsupported(f"{folder}: no such folder")
    configure_libraries()

    def analyze(canvas: Canvas | None) -> Result:
        return _analyze(source, folder, options, canvas, started, on_progress, cancel)

    return on_a_canvas(source, analyze)


def _analyze(
    source: Path,
    folder: Path,
    options: Options,
    canvas: Canvas | None,
    started: float,
    on_progress: Callable[[Progress], None],
    cancel: threading.Event,
) -> Result:
    with (
        _opened(source, options, canvas) as opened,
        Album(folder, source.stem, opened.facts, identity(source)) as album,
    ):
        analysis = Analysis(opened.facts, options)
        frames = frames_with_faces = 0
        clocks = Clocks()
        decoded = timed(cancellable(cancel, opened.items()), clocks.decoding)
        for item in _in_thread(timed(analysis.run(decoded), clocks.analysing), cancel, opened.facts):
            if isinstance(item, Packet):
                continue
            with clocks.redacting:
                album.add(item.frame, item.scene, item.regions)
            frames += 1
            frames_with_faces += bool(item.regions)
            on_progress(progress_of(frames, opened))
        with clocks.redacting:
            people = album.finish()
            doubts = analysis.doubts()
            album.add_file("doubtful.json", doubtful_places.document(doubts, *upright_size(opened.facts)))
        return Result(
            frames=frames,
            frames_with_faces=frames_with_faces,
            faces=people,
            tracks=analysis.tracks,
            detections=analysis.detections,
            seconds=time.monotonic() - started,
            stages=clocks.stages(),
            width=opened.facts.width,
            height=opened.facts.height,
            audio_streams=len(opened.sounds),
            converted=opened.repairs(),
            replaced=tuple(opened.replaced),
            doubts=doubts,
        )


def upright_size(facts: VideoFacts) -> tuple[int, int]:
    """Return width and height of the upright picture."""
    return (facts.height, facts.width) if quarters_of(facts.rotation) % 2 else (facts.width, facts.height)


def on_a_canvas[R](source: Path, run_on: Callable[[Canvas | None], R]) -> R:
    """Run. If a picture does not fit the file's canvas, run again from the start with a larger one."""
    canvas: Canvas | None = None
    while True:
        try:
            return run_on(canvas)
        except Outgrown as outgrown:
            canvas = largest(source, FORMATS, outgrown.canvas)


def configure_libraries() -> None:
    av.logging.set_level(None)
    # OpenCV's own threads cost time here: the pictures are small, and every core is busy already.
    cv2.setNumThreads(1)


def check_source(source: Path) -> None:
    if not source.exists():
        raise ConfigurationUnsupported(f"{source}: no such file")
    if not source.is_file():
        raise ConfigurationUnsupported(f"{source}: not a file")
    try:
        with source.open("rb"):
            pass
    except OSError as error:
        raise ConfigurationUnsupported(f"{source}: cannot be read ({error.strerror})") from error


def _check_destination(destination: Path, source: Path) -> None:
    if len(os.fsencode(destination.name)) > LONGEST_NAME:
        raise ConfigurationUnsupported(f"{destination}: the name is longer than {LONGEST_NAME} bytes")
    if not destination.parent.is_dir():
        raise ConfigurationUnsupported(f"{destination}: its folder does not exist")
    if destination.is_dir():
        raise ConfigurationUnsupported(f"{destination}: is a folder, not a file to write")
    if destination.exists() and destination.samefile(source):
        raise ConfigurationUnsupported(f"{destination}: is the input itself")
    try:  # now, and not after hours of work
        with tempfile.TemporaryFile(dir=destination.parent):
            pass
    except OSError as error:
        raise ConfigurationUnsupported(f"{destination}: cannot be written ({error.strerror})") from error


def progress_of(frame: int, source: Source) -> Progress:
    """Estimate progress by frames, or by bytes if the container does not state how many frames it has."""
    frames = source.facts.frames
    return Progress(frame, frames, min(99.9, 100 * (frame / frames if frames else source.share_read)))


def _in_format(frame: VideoFrame, pixel_format: str) -> VideoFrame:
    if frame.format.name == pixel_format:
        return frame
    if frame.format.is_rgb:
        return frame.reformat(format=pixel_format)
    kept = frame.color_range
    return frame.reformat(format=pixel_format, src_color_range=kept, dst_color_range=kept)


def _raise_if_cancelled(cancel: threading.Event) -> None:
    if cancel.is_set():
        raise Cancelled("stopped")


def cancellable(cancel: threading.Event, items: Iterator[VideoFrame | AnyPacket]) -> Iterator[VideoFrame | AnyPacket]:
    for item in items:
        _raise_if_cancelled(cancel)
        yield item


def _queue_size(facts: VideoFacts) -> int:
    """Items between the threads, as many as their memory allows."""
    affordable = QUEUED_BYTES // frame_bytes(facts.pixel_format, facts.width, facts.height)
    return max(LEAST_QUEUED, min(MOST_QUEUED, affordable))


def _in_thread(
    items: Iterator[RegionedFrame | AnyPacket], cancel: threading.Event, facts: VideoFacts
) -> Iterator[RegionedFrame | AnyPacket]:
    """Produce `items` in another thread. FFmpeg, ONNX Runtime and OpenCV release the interpreter's lock."""
    made: queue.Queue[RegionedFrame | AnyPacket] = queue.Queue(_queue_size(facts))
    failure: list[BaseException] = []

    def produce() -> None:
        try:
            for item in items:
                made.put(item)
        except queue.ShutDown:
            return
        except BaseException as error:  # handed over to the consumer
            failure.append(error)
        made.shutdown()

    thread = threading.Thread(target=produce, name="analysis", daemon=True)
    thread.start()
    try:
        while True:
            try:
                yield made.get(timeout=CANCEL_POLL_SECONDS)
            except queue.Empty:
                pass
            except queue.ShutDown:
                break
            _raise_if_cancelled(cancel)
    finally:
        made.shutdown(immediate=True)
        thread.join()
    if failure:
        error = failure[0]
        if isinstance(error, RedactionError):
            raise error
        raise RedactionError(f"analysis failed: {error}") from error
