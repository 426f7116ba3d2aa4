"""Redact every video of a folder: .venv/bin/python -m examples.folder FOLDER OUT

A video whose output is there already is left alone, so an interrupted run goes on where it stopped.
"""

import sys
from pathlib import Path

import redactor

ENDINGS = {".avi", ".m4v", ".mkv", ".mov", ".mp4", ".webm"}


def main(folder: str, out: str) -> int:
    Path(out).mkdir(parents=True, exist_ok=True)
    failures = 0
    for source in sorted(Path(folder).iterdir()):
        if source.suffix.lower() not in ENDINGS:
            continue
        destination = Path(out, f"{source.stem}_redacted.mp4")
        if destination.exists():
            continue
        try:
            result = redactor.redact(source, destination)
        except redactor.RedactionError as error:
            failures += 1
            print(f"{source.name}: {error.code}: {error}", file=sys.stderr)
        else:
            print(f"{source.name}: faces: {result.faces}, seconds: {result.seconds:.1f}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
