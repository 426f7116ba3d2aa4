"""The annotations in the form that the page reads: about 24 bytes a face, and 12 a frame.

A 32-bit number, the length of a head in JSON; the head; padding to a multiple of 8 bytes; then columns: the frames'
times in seconds, with the end of the last one (64-bit floats); for each frame the index of its first face, with the
number of all faces (32-bit); the faces' ids (32-bit); their x, y, width and height in shares of the upright picture
(32-bit floats). All are little-endian.
"""

import json
import struct
from itertools import chain
from typing import Final

import numpy as np

from redactor.people.annotations import Annotations

ALIGNED: Final = 8


def packed(annotations: Annotations, rate: float) -> bytes:
    """Return the document. The annotations are of this program: each interval is a frame."""
    assert annotations.size is not None
    fragments = [fragment for fragment in annotations.fragments if fragment.events]
    lists = [events for fragment in fragments for events in fragment.events]
    ticks = [
        np.arange(len(fragment.events), dtype=np.int64) * fragment.interval + fragment.start for fragment in fragments
    ]
    end = fragments[-1].start + fragments[-1].duration if fragments else 0
    times = (np.concatenate([*ticks, np.array([end])]) + annotations.offset) / annotations.timescale
    offsets = np.zeros(len(lists) + 1, "<u4")
    np.cumsum([len(events) for events in lists], out=offsets[1:])
    faces = list(chain.from_iterable(lists))
    boxes = np.array([(face.box.left, face.box.top, face.box.width, face.box.height) for face in faces], "<f4")
    head = json.dumps(
        {
            "frames": len(lists),
            "regions": len(faces),
            "timescale": annotations.timescale,
            "width": annotations.size[0],
            "height": annotations.size[1],
            "rate": rate,
            "cuts": np.searchsorted(times * annotations.timescale, np.array(annotations.cuts) - 0.5).tolist(),
        }
    ).encode()
    start = struct.pack("<I", len(head)) + head
    columns = (times.astype("<f8"), offsets, np.array([face.id for face in faces], "<u4"), boxes)
    return start + bytes(-len(start) % ALIGNED) + b"".join(column.tobytes() for column in columns)
