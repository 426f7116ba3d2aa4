"""Cover everybody but the person who is seen most: .venv/bin/python -m examples.two_passes IN OUT"""

import json
import sys
import tempfile
from collections import Counter
from pathlib import Path

import redactor


def seen_most(annotations: Path) -> int | None:
    """The id of the person in most intervals, or None if there is nobody.

    A person would look at the thumbnails beside this file instead, and choose.
    """
    fragments = json.loads(annotations.read_text())["fragments"]
    events = (event for fragment in fragments for interval in fragment["events"] for event in interval)
    counts = Counter(int(event["id"]) for event in events)
    return max(counts, key=lambda person: counts[person], default=None)


def main(source: str, destination: str) -> int:
    with tempfile.TemporaryDirectory() as folder:
        redactor.analyze(source, folder)
        annotations = Path(folder, f"{Path(source).stem}_annotations.json")
        person = seen_most(annotations)
        keep = frozenset() if person is None else frozenset({person})
        result = redactor.redact(source, destination, redactor.Options(annotations=annotations, keep=keep))
    print(f"kept {person}, covered {result.faces}")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
