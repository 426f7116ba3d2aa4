"""Audio: copied packet by packet, or converted to AAC if the output cannot hold its codec. Parts may be silenced."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Final

import av
import numpy as np
from av.audio.fifo import AudioFifo
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import OutputContainer

from redactor.errors import ContentMalformed
from redactor.video.clock import COPIED
from redactor.video.facts import exact
from redactor.video.repairs import Repair, Repairs
from redactor.video.restarts import AnyPacket
from redactor.video.silence import Silences
from redactor.video.source import Sound
from redactor.video.splicing import is_spliced, splice

NOT_IN_MOV: Final = frozenset({"opus", "flac"})
AAC_RATES: Final = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000)
AAC_LAYOUTS: Final = {1: "mono", 2: "stereo", 3: "3.0", 4: "4.0", 5: "5.0", 6: "5.1", 8: "7.1"}
AAC_BITS_A_CHANNEL: Final = 96_000
AAC_FRAME: Final = 1024
TOLERANCE: Final = 0.025  # seconds that a sound may deviate from its time; containers round times to milliseconds


class CopiedSound:
    """One stream, copied without change."""

    change: str | None = None

    def __init__(self, container: OutputContainer, stream: AudioStream) -> None:
        self._copy = container.add_stream_from_template(stream)
        self._last: int | None = None
        _copy_selection_tags(stream, self._copy)

    def write(self, packet: AnyPacket) -> Sequence[AnyPacket]:
        if self._last is not None and packet.dts is not None:  # PCM in .mov
            packet.pts = packet.dts = max(packet.dts, self._last + 1)
        self._last = packet.dts
        packet.stream = self._copy
        return [packet]

    def finish(self) -> Sequence[AnyPacket]:
        return []


class SplicedSound:
    """One stream, copied except for silenced stretches."""

    change: str | None = None

    def __init__(self, container: OutputContainer, stream: AudioStream, silences: Silences) -> None:
        copy = container.add_stream_from_template(stream)
        self._splice = splice(stream, copy, silences)
        _copy_selection_tags(stream, copy)

    def write(self, packet: AnyPacket) -> Sequence[AnyPacket]:
        return self._splice.write(packet)

    def finish(self) -> Sequence[AnyPacket]:
        return self._splice.finish()


class ConvertedSound:
    """One stream, converted to AAC without interruption. Silence fills gaps."""

    def __init__(
        self, container: OutputContainer, sound: Sound, repairs: Repairs, silences: Silences, *, salvages: bool
    ) -> None:
        """With `salvages`, silence replaces sound that cannot be decoded."""
        stream = sound.described
        self._name = f"audio stream {sound.stream.index}"
        self._context = stream.codec_context
        self._repairs = repairs
        self._salvages = salvages
        self._silences = silences
        self._rate = min(AAC_RATES, key=lambda allowed: (abs(allowed - stream.rate), -allowed))
        self._sound = container.add_stream("aac", rate=self._rate)
        # By count, because many files name no channel layout. AAC has layouts for these; others are mixed down.
        self._layout = AAC_LAYOUTS.get(stream.channels, "stereo")
        self._sound.codec_context.layout = self._layout
        self._sound.codec_context.bit_rate = AAC_BITS_A_CHANNEL * stream.channels
        self._resampler = AudioResampler("fltp", self._layout, self._rate)
        self._kind: tuple[str, str, int] | None = None  # format, layout and rate of the resampler's frames
        self._queue = AudioFifo()
        self._start: int | None = None  # the first sample's time, in samples
        self._queued = 0  # samples since then
        self._encoded = 0  # the encoded ones of these
        self._surplus = 0  # samples to skip, because they overlap earlier ones
        self.change = f"{self._name} ({self._context.name}) to aac"
        if sound.changes:
            self.change += ", as a whole, since it changes on the way"
        elif silences and self._context.codec.canonical_name in COPIED:
            self.change += ", as a whole, since a part of it is silenced"
        _copy_selection_tags(sound.stream, self._sound)

    def write(self, packet: AnyPacket) -> Sequence[AnyPacket]:
        return self._decoded(packet)

    def finish(self) -> Sequence[AnyPacket]:
        made = self._decoded(None)
        self._resample(None)
        return [*made, *self._encode(last=True), *self._sound.encode(None)]

    def _decoded(self, packet: AnyPacket | None) -> list[AnyPacket]:
        try:
            frames = self._context.decode(packet)
        except av.EOFError:  # the end of the source has flushed the decoder already
            return []
        except av.FFmpegError as error:
            if not self._salvages:
                raise ContentMalformed(f"{self._name}: damaged ({error.strerror})") from error
            time = 0 if packet is None else (packet.pts or 0) * exact(packet.time_base)
            self._repairs.note(Repair.SOUND_LOST, Fraction(time))
            return []
        for frame in frames:
            self._take(frame)
        return list(self._encode(last=False))

    def _take(self, frame: AudioFrame) -> None:
        """Queue a frame at its time. Fill a gap before it with silence, or cut an overlap."""
        kind = frame.format.name, frame.layout.name, frame.sample_rate
        if self._kind not in {None, kind}:
            self._begin_anew()
        self._kind = kind
        if frame.pts is not None:
            time = frame.pts * exact(frame.time_base)
            at = round(time * self._rate)
            if self._start is None:
                self._start = at
            if abs(self._missing(at)) > self._rate * TOLERANCE:
                self._begin_anew()
                missing = self._missing(at)
                self._repairs.note(Repair.GAP if missing > 0 else Repair.OVERLAP, time)
                self._surplus += max(0, -missing)
                for silence in _silence(missing, self._layout, self._rate):
                    self._queue_up(silence)
        frame.pts = None
        self._resample(frame)

    def _missing(self, at: int) -> int:
        """Return the number of samples between the queue's end and the sample `at`; negative for an overlap."""
        return at - (self._start or 0) - self._queued + self._surplus

    def _begin_anew(self) -> None:
        self._resample(None)
        self._resampler = AudioResampler("fltp", self._layout, self._rate)

    def _resample(self, frame: AudioFrame | None) -> None:
        for part in self._resampler.resample(frame):
            self._queue_up(part)

    def _queue_up(self, part: AudioFrame) -> None:
        if cut := min(self._surplus, part.samples):
            self._surplus -= cut
            if cut == part.samples:
                return
            samples = np.ascontiguousarray(part.to_ndarray()[:, cut:], np.float32)
            part = AudioFrame.from_ndarray(samples, "fltp", self._layout)
            part.sample_rate = self._rate
        part = self._silenced(part)
        part.pts, part.time_base = None, Fraction(1, self._rate)
        self._queue.write(part)
        self._queued += part.samples

    def _silenced(self, part: AudioFrame) -> AudioFrame:
        at = (self._start or 0) + self._queued
        if not self._silences.touches(Fraction(at, self._rate), Fraction(at + part.samples, self._rate)):
            return part
        samples = np.array(part.to_ndarray(), np.float32)
        self._silences.apply(samples, at, self._rate)
        silenced = AudioFrame.from_ndarray(samples, "fltp", self._layout)
        silenced.sample_rate = self._rate
        return silenced

    def _encode(self, *, last: bool) -> Iterator[AnyPacket]:
        while (frame := self._queue.read(AAC_FRAME, partial=last)) is not None:
            frame.pts, frame.time_base = (self._start or 0) + self._encoded, Fraction(1, self._rate)
            self._encoded += frame.samples
            yield from self._sound.encode(frame)


def sound(
    container: OutputContainer, track: Sound, suffix: str, repairs: Repairs, silences: Silences, *, salvages: bool
) -> CopiedSound | SplicedSound | ConvertedSound:
    """Choose how `track` gets into an output with that suffix."""
    codec = track.described.codec_context.codec.canonical_name
    kept = codec in COPIED
    if suffix == ".mov":
        kept = codec.startswith("pcm_") or codec in COPIED - NOT_IN_MOV
    if kept and not track.changes and not silences:
        return CopiedSound(container, track.described)
    if kept and not track.changes and is_spliced(track.described):
        return SplicedSound(container, track.described, silences)
    return ConvertedSound(container, track, repairs, silences, salvages=salvages)


def _silence(samples: int, layout: str, rate: int) -> Iterator[AudioFrame]:
    """Yield that many silent samples, a second at a time."""
    channels = av.AudioLayout(layout).nb_channels
    while samples > 0:
        part = min(samples, rate)
        samples -= part
        frame = AudioFrame.from_ndarray(np.zeros((channels, part), np.float32), "fltp", layout)
        frame.sample_rate = rate
        yield frame


def _copy_selection_tags(stream: AudioStream, copy: AudioStream) -> None:
    """Copy the tags by which players select a stream. Titles are not copied: they may name people."""
    copy.disposition = stream.disposition
    if stream.language:
        copy.metadata["language"] = stream.language
