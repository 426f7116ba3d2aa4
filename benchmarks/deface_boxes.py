"""Prints deface's masks of a clip: run by a Python that has deface, and nothing of ours.

    PYTHON benchmarks/deface_boxes.py CLIP FRAME…

One JSON line: for each of the frames, by index in decoding order, [[left, top, right, bottom], …] as
`deface --replacewith solid` draws them with its default threshold and mask scale.
"""

import json
import sys

import imageio
from deface.centerface import CenterFace  # type: ignore[import-untyped]
from deface.deface import scale_bb  # type: ignore[import-untyped]

THRESHOLD = 0.2
MASK_SCALE = 1.3


def main() -> None:
    clip, wanted = sys.argv[1], {int(index) for index in sys.argv[2:]}
    centerface, boxes = CenterFace(), {}
    for index, frame in enumerate(imageio.get_reader(clip).iter_data()):
        if index in wanted:
            found, _ = centerface(frame, threshold=THRESHOLD)
            boxes[index] = [[int(edge) for edge in scale_bb(*row[:4], MASK_SCALE)] for row in found]
    print(json.dumps(boxes))


if __name__ == "__main__":
    main()
