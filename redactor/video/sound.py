"""Audio: copied packet by packet, or converted to AAC if the output cannot hold its codec."""

from collections.abc import Sequence
from typing import Final

import av
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import OutputContainer

from redactor.errors import ContentMalformed
from redactor.video.source import AnyPacket

# Codecs that players support in ISO media files. QuickTime files may hold PCM as well.
COPIED: Final = frozenset({"aac", "mp3", "mp2", "ac3", "eac3", "alac", "opus", "flac", "dts"})
NOT_IN_MOV: Final = frozenset({"opus", "flac"})
AAC_RATES: Final = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000)
AAC_LAYOUTS: Final = {1: "mono", 2: "stereo", 3: "3.0", 4: "4.0", 5: "5.0", 6: "5.1", 8: "7.1"}
AAC_BITS_A_CHANNEL: Final = 96_000
AAC_FRAME: Final = 1024


class CopiedSound:
    """One stream, copied without change."""

    change: str | None = None

    def __init__(self, container: OutputContainer, stream: AudioStream) -> None:
        self._copy = container.add_stream_from_template(stream)
        _copy_selection_tags(stream, self._copy)

    def write(self, packet: AnyPacket) -> Sequence[AnyPacket]:
        packet.stream = self._copy
        return [packet]

    def finish(self) -> Sequence[AnyPacket]:
        return []


class ConvertedSound:
    """One stream, converted to AAC with the same times."""

    def __init__(self, container: OutputContainer, stream: AudioStream) -> None:
        self._stream = stream
        rate = min(AAC_RATES, key=lambda allowed: (abs(allowed - stream.rate), -allowed))
        self._sound = container.add_stream("aac", rate=rate)
        # By count, because many files name no channel layout. AAC has a layout for these counts; others are mixed down.
        layout = AAC_LAYOUTS.get(stream.channels, "stereo")
        self._sound.codec_context.layout = layout
        self._sound.codec_context.bit_rate = AAC_BITS_A_CHANNEL * stream.channels
        self._resampler = AudioResampler("fltp", layout, rate, AAC_FRAME)
        self.change = f"audio stream {stream.index} ({stream.codec_context.name}) to aac"
        _copy_selection_tags(stream, self._sound)

    def write(self, packet: AnyPacket) -> Sequence[AnyPacket]:
        return self._encode(packet)

    def finish(self) -> Sequence[AnyPacket]:
        return [*self._encode(None), *self._resampled(None), *self._sound.encode(None)]

    def _encode(self, packet: AnyPacket | None) -> list[AnyPacket]:
        try:
            frames = self._stream.codec_context.decode(packet)
        except av.EOFError:  # the end of the source has flushed the decoder already
            return []
        except av.FFmpegError as error:
            raise ContentMalformed(f"audio stream {self._stream.index}: damaged ({error.strerror})") from error
        return [made for frame in frames for made in self._resampled(frame)]

    def _resampled(self, frame: AudioFrame | None) -> list[AnyPacket]:
        return [made for part in self._resampler.resample(frame) for made in self._sound.encode(part)]


def sound(container: OutputContainer, stream: AudioStream, suffix: str) -> CopiedSound | ConvertedSound:
    """Choose how `stream` gets into an output with that suffix."""
    codec = stream.codec_context.codec.canonical_name
    kept = codec in COPIED
    if suffix == ".mov":
        kept = codec.startswith("pcm_") or codec in COPIED - NOT_IN_MOV
    return (CopiedSound if kept else ConvertedSound)(container, stream)


def _copy_selection_tags(stream: AudioStream, copy: AudioStream) -> None:
    """Copy the tags by which players select a stream. Titles are not copied: they may name people."""
    copy.disposition = stream.disposition
    if stream.language:
        copy.metadata["language"] = stream.language
