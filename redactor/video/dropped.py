"""Describes the parts of an input that the output omits."""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from av.container import InputContainer
from av.sidedata.sidedata import SideData, Type
from av.stream import Disposition, Stream

# The encoder writes its own buffer properties. hdr.py keeps HDR10's static metadata. The container's crop is applied.
KEPT_SIDE_DATA: Final = frozenset(
    {"display_matrix", "cpb_properties", "mastering_display_metadata", "content_light_level", "frame_cropping"}
)
ENCODER_NOTE_UUIDS: Final = frozenset(
    {bytes.fromhex("dc45e9bde6d948b7962cd820d923eeef"), bytes.fromhex("2ca2de09b51747dbbb55a4fe7fc2fc4e")}
)
DROPPED_SIDE_DATA: Final = {
    Type.A53_CC: "closed captions",
    Type.SEI_UNREGISTERED: "notes between the pictures",
    Type.DYNAMIC_HDR_PLUS: "HDR10+ metadata",
    Type.DYNAMIC_HDR_VIVID: "HDR Vivid metadata",
    Type.DOVI_METADATA: "Dolby Vision metadata",
    Type.S12M_TIMECODE: "timecodes on the pictures",
    Type.GOP_TIMECODE: "timecodes on the pictures",
}
# Tags, in lower case, whose information the output states itself or does not need.
TECHNICAL_TAGS: Final = frozenset(
    {"compatible_brands", "duration", "encoder", "language", "major_brand", "minor_version", "variant_bitrate"}
    | {"vendor_id", "bps", "number_of_bytes", "number_of_frames"}
)
WRITER: Final = re.compile(r"redactor [\d.]+")  # this program's own tag in .mov files
DEFAULT_HANDLERS: Final = frozenset({"VideoHandler", "SoundHandler", "Core Media Video", "Core Media Audio"})


def dropped_parts(
    container: InputContainer,
    kept: Sequence[Stream],
    side_data: Collection[str],
    carried: Collection[Type],
    reasons: Mapping[int, str],
) -> tuple[str, ...]:
    """List the parts of `container` that an output with the streams `kept` omits.

    `side_data` names the video stream's side data, `carried` holds the kinds of side data seen on its frames.
    `reasons` states why other streams could not be kept, by index.
    """
    indices = {stream.index for stream in kept}
    names = [_described(stream, reasons) for stream in container.streams if stream.index not in indices]
    owners = [("", container.metadata), *((f" of {s.type} stream {s.index}", s.metadata) for s in kept)]
    for owner, metadata in owners:
        tags = sorted((tag for tag, value in metadata.items() if _is_informative(tag, value)), key=str.casefold)
        if tags:
            names.append(f"metadata{owner}: {', '.join(tags)}")
    names += sorted({DROPPED_SIDE_DATA[kind] for kind in carried if kind in DROPPED_SIDE_DATA})
    # Dolby Vision's configuration, spherical and stereo layouts.
    names += [f"video side data: {name}" for name in side_data if name not in KEPT_SIDE_DATA]
    return tuple(names)


def _is_informative(tag: str, value: str) -> bool:
    technical = tag.casefold() in TECHNICAL_TAGS or tag.startswith("_STATISTICS") or value in DEFAULT_HANDLERS
    return not (technical or WRITER.fullmatch(value))


def is_encoder_note(data: SideData) -> bool:
    """Return True for the note in which x264 and x265 state their version and options."""
    return data.type is Type.SEI_UNREGISTERED and bytes(data)[:16] in ENCODER_NOTE_UUIDS


def _described(stream: Stream, reasons: Mapping[int, str]) -> str:
    kind: str = stream.type
    if kind == "video" and stream.disposition & Disposition.attached_pic:
        kind = "attached picture"
    codec = stream.codec_context.name if stream.codec_context else getattr(stream, "name", None) or "unknown"
    reason = f", {reasons[stream.index]}" if stream.index in reasons else ""
    return f"{kind} stream {stream.index} ({codec}){reason}"
