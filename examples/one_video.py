"""Redact one video: .venv/bin/python -m examples.one_video IN OUT"""

import sys

import redactor


def show(progress: redactor.Progress) -> None:
    print(f"\r{progress.percent:3.0f} %", end="", file=sys.stderr)


def main(source: str, destination: str) -> int:
    options = redactor.Options(blur_type=redactor.BlurType.HIGH)
    try:
        result = redactor.redact(source, destination, options, show)
    except redactor.RedactionError as error:  # no output was written
        print(f"{error.code}: {error}", file=sys.stderr)
        return 2
    print(file=sys.stderr)
    print(f"faces: {result.faces}, on {result.frames_with_faces} of {result.frames} frames")
    for what in (*result.dropped, *result.converted):
        print(f"  {what}")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
