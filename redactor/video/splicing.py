"""Silences stretches of copied sound by replacing packets. All other packets stay as they are, to the bit.

An AAC packet overlaps the one before it: a frame's samples are the sum of both, faded. So the packet before a stretch
is replaced too, and the sound fades out and in within a frame on each side. A replacement comes from an encoder that
was fed with silence, or with the tone, on the same grid of frames, so that neither length nor time changes.
"""

from collections import deque
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, Final

import av
import numpy as np
from av import AudioFormat, AudioLayout, CodecContext
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.packet import Packet
from numpy.typing import NDArray

from redactor.errors import ContentMalformed
from redactor.video.facts import exact
from redactor.video.restarts import AnyPacket
from redactor.video.silence import Silences

AAC_FRAME: Final = 1024
AAC_LAYOUTS: Final = {1: "mono", 2: "stereo"}
AAC_BITS_A_CHANNEL: Final = 64_000
ADTS_HEADER: Final = 7  # bytes, without a checksum
LOW_COMPLEXITY: Final = "LC"

type Encoded = Packet[AudioStream]


def is_spliced(stream: AudioStream) -> bool:
    """Return True if packets of this stream can be replaced."""
    context = stream.codec_context
    codec = context.codec.canonical_name
    if codec.startswith("pcm_"):
        return True
    return codec == "aac" and context.profile == LOW_COMPLEXITY and stream.channels in AAC_LAYOUTS


class SplicedPcm:
    """PCM, which is exact to the sample."""

    def __init__(self, stream: AudioStream, copy: AudioStream, silences: Silences) -> None:
        self._name = f"audio stream {stream.index}"
        self._decoder = stream.codec_context
        self._copy = copy
        self._silences = silences
        self._encoder: AudioCodecContext | None = None

    def write(self, packet: AnyPacket) -> Sequence[AnyPacket]:
        start, base = (packet.pts or 0) * exact(packet.time_base), exact(packet.time_base)
        packet.stream = self._copy
        if not self._silences.touches(start, start + (packet.duration * base if packet.duration else 1)):
            return [packet]
        try:
            frames = self._decoder.decode(packet)
        except av.FFmpegError as error:
            raise ContentMalformed(f"{self._name}: damaged ({error.strerror})") from error
        data = b"".join(self._silenced(frame, start) for frame in frames)
        return [_with_data(packet, data, adts=False)]

    def _silenced(self, frame: AudioFrame, start: Fraction) -> bytes:
        samples: NDArray[Any] = frame.to_ndarray()  # (1, count x channels)
        channels = frame.layout.nb_channels
        heard = self._silences.replacement(round(start * frame.sample_rate), frame.samples, frame.sample_rate)
        full = 1.0 if samples.dtype.kind == "f" else float(np.iinfo(samples.dtype).max)
        zero = 128.0 if samples.dtype == np.uint8 else 0.0
        silenced = np.repeat(~np.isnan(heard), channels)
        shades = np.nan_to_num(np.repeat(heard, channels)) * (full - zero) + zero
        samples[0, silenced] = shades[silenced].astype(samples.dtype)
        made = AudioFrame.from_ndarray(samples, frame.format.name, frame.layout.name)
        made.sample_rate = frame.sample_rate
        if self._encoder is None:
            name, kind = self._decoder.codec.canonical_name, frame.format.name
            self._encoder = _encoder(name, kind, frame.layout.name, frame.sample_rate)
        return b"".join(bytes(packet) for packet in self._encoder.encode(made))

    def finish(self) -> Sequence[AnyPacket]:
        return []


class SplicedAac:
    """AAC of low complexity, in one or two channels."""

    def __init__(self, stream: AudioStream, copy: AudioStream, silences: Silences) -> None:
        self._copy = copy
        self._silences = silences
        self._rate = stream.rate
        self._layout = AAC_LAYOUTS[stream.channels]
        self._channels = stream.channels
        self._encoder: AudioCodecContext | None = None
        self._waiting: deque[AnyPacket] = deque()  # packets to be replaced
        self._first = 0  # the first of these, in samples
        self._fed = 0  # frames since then

    def write(self, packet: AnyPacket) -> Sequence[AnyPacket]:
        start = (packet.pts or 0) * exact(packet.time_base)
        packet.stream = self._copy
        # Its samples fade into those of the next packet.
        if self._silences.touches(start, start + Fraction(2 * AAC_FRAME, self._rate)):
            return self._replaced(packet, start)
        return [*self._flushed(), packet]

    def finish(self) -> Sequence[AnyPacket]:
        return self._flushed()

    def _replaced(self, packet: AnyPacket, start: Fraction) -> list[AnyPacket]:
        if self._encoder is None:
            self._encoder = _encoder("aac", "fltp", self._layout, self._rate)
            self._encoder.bit_rate = AAC_BITS_A_CHANNEL * self._channels
            self._first, self._fed = round(start * self._rate), 0
        self._waiting.append(packet)
        return self._fitted(self._encoder.encode(self._frame()))

    def _frame(self) -> AudioFrame:
        heard = self._silences.replacement(self._first + self._fed * AAC_FRAME, AAC_FRAME, self._rate)
        samples = np.tile(np.nan_to_num(heard), (self._channels, 1)).astype(np.float32)
        frame = AudioFrame.from_ndarray(samples, "fltp", self._layout)
        frame.sample_rate, frame.time_base, frame.pts = self._rate, Fraction(1, self._rate), self._fed * AAC_FRAME
        self._fed += 1
        return frame

    def _flushed(self) -> list[AnyPacket]:
        """Return the packets that wait. The encoder is through with this stretch."""
        if self._encoder is None:
            return []
        made = [*self._fitted(self._encoder.encode(self._frame())), *self._fitted(self._encoder.encode(None))]
        self._encoder = None
        assert not self._waiting
        return made

    def _fitted(self, made: Sequence[Encoded]) -> list[AnyPacket]:
        """Put new data into the waiting packets. The encoder's first packet precedes its first frame."""
        ready = [packet for packet in made if (packet.pts or 0) >= 0]
        return [_with_data(self._waiting.popleft(), bytes(one), adts=True) for one in ready if self._waiting]


def _encoder(codec: str, sample_format: str, layout: str, rate: int) -> AudioCodecContext:
    encoder = CodecContext.create(codec, "w")
    assert isinstance(encoder, AudioCodecContext)
    encoder.format, encoder.layout, encoder.sample_rate = AudioFormat(sample_format), AudioLayout(layout), rate
    return encoder


def _with_data(packet: AnyPacket, data: bytes, *, adts: bool) -> AnyPacket:
    """Return a packet with other data at the same time. With `adts` it keeps the kind of header that the packet has."""
    head = bytes(memoryview(packet)[:ADTS_HEADER])
    if adts and len(head) == ADTS_HEADER and head[0] == 0xFF and head[1] & 0xF6 == 0xF0:
        data = _adts(head, len(data)) + data
    made: AnyPacket = Packet(data)
    made.stream = packet.stream
    made.pts, made.dts, made.duration = packet.pts, packet.dts, packet.duration
    made.time_base = packet.time_base
    made.is_keyframe = True
    return made


def _adts(head: bytes, length: int) -> bytes:
    """Return an ADTS header like `head`, without a checksum, for a frame of `length` bytes."""
    size = length + ADTS_HEADER
    return bytes(
        (
            head[0],
            head[1] | 1,
            head[2],
            head[3] & 0xFC | size >> 11,
            size >> 3 & 0xFF,
            (size & 7) << 5 | head[5] & 0x1F,
            head[6] & 0xFC,
        )
    )


def splice(stream: AudioStream, copy: AudioStream, silences: Silences) -> SplicedPcm | SplicedAac:
    """Return what silences stretches of `stream` in its copy. See `is_spliced`."""
    kind = SplicedAac if stream.codec_context.codec.canonical_name == "aac" else SplicedPcm
    return kind(stream, copy, silences)
