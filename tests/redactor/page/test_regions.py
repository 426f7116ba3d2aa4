"""The compact form of annotations has the times, faces and cuts that the annotations have."""

import json
import struct
from pathlib import Path

import numpy as np

from redactor.geometry import Box
from redactor.page.regions import packed
from redactor.people.annotations import AnnotationsWriter, Event, read
from redactor.video.identity import VideoIdentity

TIMES = [0, 512, 1024, 3000, 3401, 9000]
FACES = [[], [(1, 0.25)], [(1, 0.5), (7, 0.125)], [], [(7, 0.75)], [(2, -0.25)]]


def test_times_faces_and_cuts_survive(tmp_path: Path) -> None:
    path = tmp_path / "annotations.json"
    with path.open("w") as file:
        writer = AnnotationsWriter(file, 12800, 25, 640, 360, VideoIdentity("a.mp4", 1, 25.0, 1.0, "x"))
        for time, faces in zip(TIMES, FACES, strict=True):
            writer.add(time, [Event(id_, Box(left, 0.5, left + 0.125, 0.75)) for id_, left in faces])
        writer.finish(500, [3000, 9000])
    document = packed(read(path), 25.0)

    (length,) = struct.unpack_from("<I", document)
    head = json.loads(document[4 : 4 + length])
    assert (head["frames"], head["regions"], head["cuts"]) == (6, 5, [3, 5])
    assert (head["width"], head["height"], head["timescale"]) == (640, 360, 12800)
    place = -(-(4 + length) // 8) * 8
    times = np.frombuffer(document, "<f8", 7, place)
    offsets = np.frombuffer(document, "<u4", 7, place + times.nbytes)
    ids = np.frombuffer(document, "<u4", 5, place + times.nbytes + offsets.nbytes)
    boxes = np.frombuffer(document, "<f4", 20, place + times.nbytes + offsets.nbytes + ids.nbytes).reshape(5, 4)
    assert np.array_equal(np.round(times * 12800), [*TIMES, 9500])
    assert offsets.tolist() == [0, 0, 1, 3, 3, 4, 5]
    assert ids.tolist() == [1, 1, 7, 7, 2]
    assert boxes[:, 0].tolist() == [0.25, 0.5, 0.125, 0.75, -0.25]
    assert (boxes[:, 1:] == (0.5, 0.125, 0.25)).all()
