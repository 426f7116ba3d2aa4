"""Hide every face of a video and leave the rest as it was.

    import redactor

    result = redactor.redact("party.mp4", "party_redacted.mp4")

Importing this package is cheap: the first call loads FFmpeg, ONNX Runtime and OpenCV.
"""

import os
import threading
from collections.abc import Callable
from pathlib import Path

from redactor.errors import (
    Cancelled,
    ConfigurationUnsupported,
    ContentMalformed,
    ContentUnsupported,
    RedactionError,
)
from redactor.options import BlurType, Damaged, Options, Projection, Quality, Resolution
from redactor.results import (
    BareFace,
    DoubtfulPlace,
    Doubts,
    Place,
    Progress,
    Reason,
    Result,
    Stages,
    Verification,
)
from redactor.version import __version__

__all__ = [
    "BareFace",
    "BlurType",
    "Cancelled",
    "ConfigurationUnsupported",
    "ContentMalformed",
    "ContentUnsupported",
    "Damaged",
    "DoubtfulPlace",
    "Doubts",
    "Options",
    "Place",
    "Progress",
    "Projection",
    "Quality",
    "Reason",
    "RedactionError",
    "Resolution",
    "Result",
    "Stages",
    "Verification",
    "__version__",
    "analyze",
    "redact",
    "verify",
]

# Before ONNX Runtime is loaded: after ten seconds it would report this machine and process to Microsoft, and it would
# keep a database for that in the home directory.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

DEFAULTS = Options()


def redact(
    source: str | Path,
    destination: str | Path,
    options: Options = DEFAULTS,
    on_progress: Callable[[Progress], None] | None = None,
    cancel: threading.Event | None = None,
) -> Result:
    """Write `source` to `destination` (.mp4, .m4v or .mov) with every detected face hidden.

    The output keeps the input's frames, their times, size, rotation and colour tags, and all audio packets. The
    destination appears, or is replaced, only when it is complete. `on_progress` is called after every frame; setting
    `cancel` stops the run at the next one.

    Raises ContentMalformed, ContentUnsupported or ConfigurationUnsupported for mistakes that the caller can correct,
    Cancelled after `cancel`, and RedactionError for everything else. After an error nothing is left behind.
    """
    from redactor import engine

    return engine.run(
        Path(source), Path(destination), options, on_progress or (lambda _: None), cancel or threading.Event()
    )


def analyze(
    source: str | Path,
    folder: str | Path,
    options: Options = DEFAULTS,
    on_progress: Callable[[Progress], None] | None = None,
    cancel: threading.Event | None = None,
) -> Result:
    """Write `<stem>_annotations.json` and one `<stem>_thumb<id>.jpg` for each person into `folder`, and no video.

    `Options.annotations` takes the annotations, edited or not. A person who leaves and returns, or appears before and
    after a cut, keeps the id if the face is clearly the same, and gets a new id otherwise. Raises as `redact` does.
    """
    from redactor import engine

    return engine.analyze(
        Path(source), Path(folder), options, on_progress or (lambda _: None), cancel or threading.Event()
    )


def verify(
    source: str | Path,
    redacted: str | Path,
    options: Options = DEFAULTS,
    on_progress: Callable[[Progress], None] | None = None,
    cancel: threading.Event | None = None,
) -> Verification:
    """Report every face of `source` that `redacted` still shows. Any program may have redacted it.

    Faces are detected in the input with the most careful setting. Pixels of both videos decide whether a face is
    covered. Of the options only `annotations`, `ids`, `keep` and `decisions` count: faces that they leave bare are not
    reported.

    Raises ConfigurationUnsupported if the two videos differ in size, number of frames or scene. Raises as `redact` does
    otherwise.
    """
    from redactor.verification import run

    return run.verify(
        Path(source), Path(redacted), options, on_progress or (lambda _: None), cancel or threading.Event()
    )
